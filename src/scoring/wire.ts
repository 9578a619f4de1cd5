/**
 * Reads the Protocol Buffers wire format, no more of it than a judge of untrusted bytes needs.
 *
 * Every occurrence of a field is handed out, also where a decoder would keep the last one only: who
 * looks for something forbidden must not be shown less than the decoder may use. Lengths are
 * checked against the enclosing range, groups (which no ONNX file has) are refused.
 */

/** What is at a position of a message; `start` and `end` (exclusive) bound a field's bytes. */
export interface WireField {
  readonly number: number
  /** The value of a varint field (wire type 0), else null. */
  readonly value: number | null
  /** Where a length-delimited field (wire type 2) starts, else -1. */
  readonly start: number
  readonly end: number
}

/** Bytes that are not a message; {@link fieldsOf} throws it. */
export class WireError extends Error {}

/**
 * The fields of the message in `bytes[start, end)`, in file order.
 *
 * @example
 * [...fieldsOf(Uint8Array.of(0x08, 0x05), 0, 2)] // [{ number: 1, value: 5, start: -1, end: -1 }]
 */
export function* fieldsOf(bytes: Uint8Array, start: number, end: number): Generator<WireField> {
  let at = start
  while (at < end) {
    const tag = varint(bytes, at, end)
    const number = Math.floor(tag.value / 8)
    // The decoder would refuse field 0 and numbers beyond 29 bits.
    if (number < 1 || number > 536_870_911) throw new WireError(`field number at byte ${at}`)
    at = tag.next
    switch (tag.value % 8) {
      case 0: {
        const read = varint(bytes, at, end)
        at = read.next
        yield { number, value: read.value, start: -1, end: -1 }
        break
      }
      case 1:
        at = within(at + 8, end)
        break
      case 2: {
        const length = varint(bytes, at, end)
        at = within(length.next + length.value, end)
        yield { number, value: null, start: length.next, end: at }
        break
      }
      case 5:
        at = within(at + 4, end)
        break
      default:
        throw new WireError(`wire type ${tag.value % 8} at byte ${at}`)
    }
  }
}

/** Text of a length-delimited field; bytes that are not UTF-8 become U+FFFD and so match nothing. */
export function textOf(bytes: Uint8Array, field: WireField): string {
  return Buffer.from(
    bytes.buffer,
    bytes.byteOffset + field.start,
    field.end - field.start,
  ).toString('utf8')
}

function within(at: number, end: number): number {
  if (at > end) throw new WireError(`a field ends at byte ${at}, its message at ${end}`)
  return at
}

function varint(
  bytes: Uint8Array,
  start: number,
  end: number,
): { readonly value: number; readonly next: number } {
  let value = 0
  let scale = 1
  // Ten bytes hold 64 bits. Large values lose low bits here, but no length or enum is that large.
  for (let at = start; at < end && at < start + 10; at++) {
    const byte = bytes[at]
    value += (byte & 0x7f) * scale
    if (byte < 0x80) return { value, next: at + 1 }
    scale *= 128
  }
  throw new WireError(`no number ends at byte ${start}`)
}

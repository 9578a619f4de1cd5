/**
 * Compact binary, written in place. Every value has one form, so equal content has equal bytes.
 * `byte-reader.ts` reads it.
 */

const SCRATCH_BYTES = 4_096
/** Room for a length, which is nearly always below 128. */
const LENGTH_BYTES = 1

/** Tags of a double: 0 to 8 are its leading bytes (the others are 0), then these. */
export const TAG_WHOLE = 9
export const TAG_NAN = 15
/** Whole numbers below this take the bytes of a varint. */
const WHOLE_MAX = 1 << 20

/** Grows as needed and is used again and again. */
export class ByteWriter {
  private bytes = Buffer.allocUnsafe(SCRATCH_BYTES)
  private view = new DataView(this.bytes.buffer, this.bytes.byteOffset, SCRATCH_BYTES)
  length = 0

  /** What was written, as a view that holds until the next byte; the writer starts anew. */
  take(): Uint8Array {
    const taken = this.bytes.subarray(0, this.length)
    this.length = 0
    return taken
  }

  /** Copies what was written to `at`; the writer starts anew. */
  takeInto(target: Uint8Array, at: number): void {
    for (let i = 0; i < this.length; i++) target[at + i] = this.bytes[i]
    this.length = 0
  }

  byte(value: number): void {
    this.reserve(1)
    this.bytes[this.length++] = value
  }

  /** A whole number from 0 to 2^53 − 1. */
  varint(value: number): void {
    this.reserve(8)
    const { bytes } = this
    let rest = value
    while (rest > 0x7fff_ffff) {
      bytes[this.length++] = (rest % 128) | 128
      rest = Math.floor(rest / 128)
    }
    while (rest > 127) {
      bytes[this.length++] = (rest & 127) | 128
      rest >>>= 7
    }
    bytes[this.length++] = rest
  }

  /** A whole number of either sign, from −2^52 to 2^52 − 1. */
  signed(value: number): void {
    this.varint(value < 0 ? -2 * value - 1 : 2 * value)
  }

  text(value: string): void {
    const { length } = value
    this.reserve(length + 8)
    const start = this.length
    if (length < 128) {
      // Nearly all texts are ASCII and short: then a byte is a character.
      this.bytes[this.length++] = length
      let i = 0
      for (; i < length; i++) {
        const code = value.charCodeAt(i)
        if (code > 127) break
        this.bytes[this.length++] = code
      }
      if (i === length) return
      this.length = start
    }
    const size = Buffer.byteLength(value, 'utf8')
    this.varint(size)
    this.reserve(size)
    this.length += this.bytes.write(value, this.length, size, 'utf8')
  }

  /** A double, NaN included, in 1 to 9 bytes. */
  double(value: number): void {
    this.reserve(9)
    const at = this.length++
    this.bytes[at] = this.body(value)
  }

  /** Two doubles that share a byte for their lengths. */
  pair(first: number, second: number): void {
    this.reserve(17)
    const at = this.length++
    const tag = this.body(first)
    this.bytes[at] = tag | (this.body(second) << 4)
  }

  big(value: bigint): void {
    const digits = (value < 0n ? -value : value).toString(16)
    const even = digits.length % 2 === 0 ? digits : `0${digits}`
    this.byte(value < 0n ? 1 : 0)
    this.varint(even.length / 2)
    this.reserve(even.length / 2)
    this.length += this.bytes.write(even, this.length, 'hex')
  }

  /** Bytes from `from` (inclusive) to `to` (exclusive), their length first. */
  blob(bytes: Uint8Array, from: number, to: number): void {
    this.varint(to - from)
    this.reserve(to - from)
    for (let i = from; i < to; i++) this.bytes[this.length++] = bytes[i]
  }

  /** Leaves room for the length of what follows, up to `end`. */
  begin(): number {
    this.reserve(LENGTH_BYTES)
    this.length += LENGTH_BYTES
    return this.length
  }

  /** Writes the length of what was written since `begin`, as `blob` does. */
  end(start: number): void {
    const size = this.length - start
    const head = start - LENGTH_BYTES
    if (size < 128) {
      this.bytes[head] = size
      return
    }
    // A longer length than foreseen: what follows moves up.
    const wide = size < 1 << 14 ? 2 : size < 1 << 21 ? 3 : 4
    this.reserve(wide)
    this.bytes.copyWithin(head + wide, start, this.length)
    this.length = head
    this.varint(size)
    this.length += size
  }

  /** Writes a double without its tag, which it returns; room must have been made. */
  private body(value: number): number {
    if (value === 0) return 0
    if (value !== value) return TAG_NAN
    if (value < WHOLE_MAX && value > -WHOLE_MAX && Math.floor(value) === value) {
      this.signed(value)
      return TAG_WHOLE
    }
    this.view.setFloat64(this.length, value)
    let size = 8
    while (this.bytes[this.length + size - 1] === 0) size--
    this.length += size
    return size
  }

  private reserve(size: number): void {
    if (this.length + size > this.bytes.length) this.grow(size)
  }

  private grow(size: number): void {
    const grown = Buffer.allocUnsafe((this.length + size) * 2)
    this.bytes.copy(grown, 0, 0, this.length)
    this.bytes = grown
    this.view = new DataView(grown.buffer, grown.byteOffset, grown.length)
  }
}

/**
 * Compact binary, written and read in place. Every value has one form, so equal content has equal
 * bytes; reading checks bounds and throws `RangeError` where bytes make no sense.
 */

const SCRATCH_BYTES = 4_096
/** Room for a length, which is nearly always below 128. */
const LENGTH_BYTES = 1
/** Tags of a double: 0 to 8 are its leading bytes (the others are 0), then these. */
const TAG_WHOLE = 9
const TAG_NAN = 15
/** Whole numbers below this take the bytes of a varint. */
const WHOLE_MAX = 1 << 20

/** Grows as needed and is used again and again. */
export class ByteWriter {
  private bytes = Buffer.allocUnsafe(SCRATCH_BYTES)
  private view = new DataView(this.bytes.buffer, this.bytes.byteOffset, SCRATCH_BYTES)
  length = 0

  /** A copy of what was written; the writer starts anew. */
  take(): Uint8Array {
    const taken = Buffer.allocUnsafe(this.length)
    this.bytes.copy(taken, 0, 0, this.length)
    this.length = 0
    return taken
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
    const tag = tagOf(value)
    this.byte(tag)
    this.body(value, tag)
  }

  /** Two doubles that share a byte for their lengths. */
  pair(first: number, second: number): void {
    const firstTag = tagOf(first)
    const secondTag = tagOf(second)
    this.byte(firstTag | (secondTag << 4))
    this.body(first, firstTag)
    this.body(second, secondTag)
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

  big(value: bigint): void {
    const digits = (value < 0n ? -value : value).toString(16)
    const even = digits.length % 2 === 0 ? digits : `0${digits}`
    this.byte(value < 0n ? 1 : 0)
    this.varint(even.length / 2)
    this.reserve(even.length / 2)
    this.length += this.bytes.write(even, this.length, 'hex')
  }

  private body(value: number, tag: number): void {
    if (tag === TAG_NAN) return
    if (tag === TAG_WHOLE) {
      this.signed(value)
      return
    }
    this.reserve(8)
    this.view.setFloat64(this.length, value)
    this.length += tag
  }

  private reserve(size: number): void {
    if (this.length + size <= this.bytes.length) return
    const grown = Buffer.allocUnsafe((this.length + size) * 2)
    this.bytes.copy(grown, 0, 0, this.length)
    this.bytes = grown
    this.view = new DataView(grown.buffer, grown.byteOffset, grown.length)
  }
}

const NO_BYTES = Buffer.alloc(0)
const probe = new DataView(new ArrayBuffer(8))

function tagOf(value: number): number {
  if (value === 0) return 0
  if (value !== value) return TAG_NAN
  if (value < WHOLE_MAX && value > -WHOLE_MAX && Math.floor(value) === value) return TAG_WHOLE
  probe.setFloat64(0, value)
  const low = probe.getInt32(4)
  if (low !== 0) return low & 255 ? 8 : low & 0xff00 ? 7 : low & 0xff_0000 ? 6 : 5
  const high = probe.getInt32(0)
  return high & 255 ? 4 : high & 0xff00 ? 3 : high & 0xff_0000 ? 2 : 1
}

/** Reads bytes from `from` (inclusive) to `to` (exclusive). */
export class ByteReader {
  private bytes: Buffer = NO_BYTES
  private at = 0
  private to = 0

  constructor(bytes: Uint8Array, from = 0, to = bytes.length) {
    this.open(bytes, from, to)
  }

  /** Starts anew, with other bytes. */
  open(bytes: Uint8Array, from = 0, to = bytes.length): void {
    this.bytes = Buffer.isBuffer(bytes)
      ? bytes
      : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
    this.at = from
    this.to = to
  }

  /** Where the next value begins. */
  get position(): number {
    return this.at
  }

  byte(): number {
    if (this.at >= this.to) throw new RangeError('bytes end in the middle of a value')
    return this.bytes[this.at++]
  }

  varint(): number {
    let value = this.byte()
    if (value < 128) return value
    value &= 127
    let factor = 128
    for (;;) {
      const byte = this.byte()
      value += (byte & 127) * factor
      if (byte < 128) break
      factor *= 128
      if (factor > 2 ** 49) throw new RangeError('a number is too long')
    }
    if (value > Number.MAX_SAFE_INTEGER) throw new RangeError('a number is too large')
    return value
  }

  /** A count of things that take at least a byte each. */
  count(): number {
    const value = this.varint()
    if (value > this.bytes.length - this.at)
      throw new RangeError(`a count of ${value} is too large`)
    return value
  }

  signed(): number {
    const value = this.varint()
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2
  }

  text(): string {
    const size = this.count()
    const from = this.at
    this.at += size
    return this.bytes.toString('utf8', from, this.at)
  }

  skip(size: number): void {
    if (size > this.bytes.length - this.at)
      throw new RangeError('bytes end in the middle of a value')
    this.at += size
  }

  double(): number {
    return this.body(this.byte())
  }

  /** Two doubles into `into[at]` and `into[at + 1]`. */
  pair(into: number[], at: number): void {
    const tags = this.byte()
    into[at] = this.body(tags & 15)
    into[at + 1] = this.body(tags >> 4)
  }

  big(): bigint {
    const sign = this.byte()
    const size = this.count()
    const digits = this.bytes.toString('hex', this.at, (this.at += size))
    const magnitude = size === 0 ? 0n : BigInt(`0x${digits}`)
    return sign === 1 ? -magnitude : magnitude
  }

  /** Everything must have been read. */
  end(): void {
    if (this.at !== this.to) throw new RangeError('bytes go on behind the last value')
  }

  private body(tag: number): number {
    if (tag === 0) return 0
    if (tag === TAG_NAN) return Number.NaN
    if (tag === TAG_WHOLE) return this.signed()
    if (tag > 8) throw new RangeError(`${tag} is not the tag of a number`)
    if (tag > this.to - this.at) throw new RangeError('bytes end in the middle of a value')
    probe.setFloat64(0, 0)
    for (let i = 0; i < tag; i++) probe.setUint8(i, this.bytes[this.at++])
    return probe.getFloat64(0)
  }
}

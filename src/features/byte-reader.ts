/**
 * Reads what `byte-writer.ts` wrote. It never runs out of its bytes: `RangeError` where they make no
 * sense.
 */
import { TAG_NAN, TAG_WHOLE } from './byte-writer.js'

const NO_BYTES = Buffer.alloc(0)
const probe = new DataView(new ArrayBuffer(8))

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

/**
 * The primitive types of Kafka's protocol, written to and read from one buffer.
 *
 * Offsets, timestamps and producer ids are int64 on the wire and plain numbers here: what Kafka
 * counts stays below 2^53 (`assert`ed where it is read).
 */
import assert from 'node:assert/strict'

const two32 = 0x1_0000_0000

export class WireWriter {
  private bytes = Buffer.allocUnsafe(512)
  length = 0
  /** What is sent as it is, and behind how many of our own bytes. */
  private readonly views: { readonly at: number; readonly bytes: Uint8Array }[] = []

  /** What has been written; a view, valid until the next write. */
  get written(): Buffer {
    return this.bytes.subarray(0, this.length)
  }

  /** Makes room for `count` bytes; returns where they begin. */
  private reserve(count: number): number {
    const at = this.length
    this.length = at + count
    if (this.length > this.bytes.length) {
      const grown = Buffer.allocUnsafe(Math.max(this.length, this.bytes.length * 2))
      this.bytes.copy(grown, 0, 0, at)
      this.bytes = grown
    }
    return at
  }

  int8(value: number): this {
    const at = this.reserve(1)
    this.bytes[at] = value
    return this
  }

  int16(value: number): this {
    const at = this.reserve(2)
    this.bytes.writeInt16BE(value, at)
    return this
  }

  int32(value: number): this {
    const at = this.reserve(4)
    this.bytes.writeInt32BE(value, at)
    return this
  }

  int64(value: number): this {
    const at = this.reserve(8)
    writeInt64(this.bytes, value, at)
    return this
  }

  /** Writes over an int32 that was written before. */
  int32At(at: number, value: number): void {
    this.bytes.writeInt32BE(value, at)
  }

  /** Unsigned, seven bits a byte, of at most 31 bits. */
  uvarint(value: number): this {
    let left = value
    while (left > 0x7f) {
      this.int8((left & 0x7f) | 0x80)
      left >>>= 7
    }
    return this.int8(left)
  }

  string(value: string | null): this {
    if (value === null) return this.int16(-1)
    const size = Buffer.byteLength(value)
    this.int16(size)
    const at = this.reserve(size)
    this.bytes.write(value, at)
    return this
  }

  compactString(value: string): this {
    const size = Buffer.byteLength(value)
    this.uvarint(size + 1)
    const at = this.reserve(size)
    this.bytes.write(value, at)
    return this
  }

  raw(value: Uint8Array): this {
    const at = this.reserve(value.length)
    this.bytes.set(value, at)
    return this
  }

  /** Not copied: the bytes must stay as they are until what was written is sent. */
  view(bytes: Uint8Array): this {
    this.views.push({ at: this.length, bytes })
    return this
  }

  /** All that was written, views included, in order; valid until the next write. */
  get parts(): Uint8Array[] {
    const parts: Uint8Array[] = []
    let from = 0
    for (const { at, bytes } of this.views) {
      parts.push(this.bytes.subarray(from, at), bytes)
      from = at
    }
    parts.push(this.bytes.subarray(from, this.length))
    return parts.filter(({ length }) => length > 0)
  }

  array<T>(values: readonly T[], write: (writer: this, value: T) => void): this {
    this.int32(values.length)
    for (const value of values) write(this, value)
    return this
  }
}

/** Reads in order; what ends too early throws a RangeError. */
export class WireReader {
  at = 0

  constructor(readonly bytes: Buffer) {}

  int8(): number {
    return this.bytes.readInt8(this.advance(1))
  }

  int16(): number {
    return this.bytes.readInt16BE(this.advance(2))
  }

  int32(): number {
    return this.bytes.readInt32BE(this.advance(4))
  }

  int64(): number {
    const value = readInt64(this.bytes, this.advance(8))
    assert(Number.isSafeInteger(value), 'an int64 of the broker is beyond 2^53')
    return value
  }

  uvarint(): number {
    let value = 0
    for (let shift = 0; ; shift += 7) {
      const byte = this.bytes.readUInt8(this.advance(1))
      value |= (byte & 0x7f) << shift
      if (byte < 0x80) return value >>> 0
    }
  }

  string(): string | null {
    const size = this.int16()
    return size < 0 ? null : this.raw(size).toString()
  }

  compactString(): string | null {
    const size = this.uvarint()
    return size === 0 ? null : this.raw(size - 1).toString()
  }

  /** A view of the next bytes. */
  raw(size: number): Buffer {
    const at = this.advance(size)
    if (this.at > this.bytes.length) throw new RangeError(`the answer ends ${size} bytes early`)
    return this.bytes.subarray(at, at + size)
  }

  array<T>(read: () => T): T[] {
    return this.items(this.int32(), read)
  }

  compactArray<T>(read: () => T): T[] {
    return this.items(this.uvarint() - 1, read)
  }

  /** Fields of newer versions, which nobody here needs. */
  skipTags(): void {
    for (let left = this.uvarint(); left > 0; left -= 1) {
      this.uvarint()
      this.raw(this.uvarint())
    }
  }

  /** A null array, of length -1, is an empty one. */
  private items<T>(count: number, read: () => T): T[] {
    const values: T[] = []
    for (let index = 0; index < count; index += 1) values.push(read())
    return values
  }

  private advance(count: number): number {
    const at = this.at
    this.at = at + count
    return at
  }
}

/** @example readInt64(Buffer.from('000000000000002a', 'hex'), 0) // 42 */
export function readInt64(bytes: Buffer, at: number): number {
  return bytes.readInt32BE(at) * two32 + bytes.readUInt32BE(at + 4)
}

/** The twin of `readInt64`. */
export function writeInt64(bytes: Buffer, value: number, at: number): void {
  const high = Math.floor(value / two32)
  bytes.writeInt32BE(high, at)
  bytes.writeUInt32BE(value - high * two32, at + 4)
}

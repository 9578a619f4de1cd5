const nothing = Buffer.alloc(0)

/**
 * Reads the primitives of an output row one behind the other, without the objects that a decode
 * makes. The bytes are this process's own: what is read where is the caller's knowledge.
 */
export class RowReader {
  bytes: Buffer = nothing
  at = 0

  /** Begins with the byte at `at`. */
  open(bytes: Uint8Array, at: number): void {
    this.bytes =
      bytes instanceof Buffer ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
    this.at = at
  }

  get isAtEnd(): boolean {
    return this.at === this.bytes.length
  }

  /**
   * An Avro long up to ±(2^53 − 1): zigzag, seven bits a byte, the lowest first. The sign's bit is
   * kept apart, as the whole number in zigzag form, twice the value, would be rounded.
   *
   * @throws RangeError where it does not end
   */
  long(): number {
    const { bytes } = this
    const first = bytes[this.at++] ?? 128
    let value = (first & 127) >> 1
    let scale = 64
    let last = first
    for (let count = 1; last > 127 && count < 8; count++) {
      last = bytes[this.at++] ?? 128
      value += (last & 127) * scale
      scale *= 128
    }
    if (last > 127) throw new RangeError('a number does not end')
    return first & 1 ? -value - 1 : value
  }

  double(): number {
    this.at += 8
    return this.bytes.readDoubleLE(this.at - 8)
  }

  float(): number {
    this.at += 4
    return this.bytes.readFloatLE(this.at - 4)
  }

  string(): string {
    const length = this.skipString()
    return this.bytes.toString('utf8', this.at - length, this.at)
  }

  byte(): number {
    const byte = this.bytes[this.at++]
    if (byte === undefined) throw new RangeError('a byte is missing')
    return byte
  }

  boolean(): boolean {
    return this.byte() === 1
  }

  /** Whether a value follows, of a union with null first. */
  isThere(): boolean {
    return this.long() !== 0
  }

  /**
   * Answers how many bytes it had.
   *
   * @throws RangeError where its length is none
   */
  skipString(): number {
    const length = this.long()
    if (length < 0) throw new RangeError('a text has a negative length')
    this.at += length
    return length
  }

  skip(bytes: number): void {
    this.at += bytes
  }
}

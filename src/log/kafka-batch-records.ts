/**
 * The records of one batch, read when they are asked for: an answer holds megabytes of them, and what
 * waits as bytes costs the garbage collector nothing.
 */
import type { Headers, StoredRecord } from './log.js'
import { readInt64 } from './kafka-wire.js'

const appendTimeFlag = 0x08

export class BatchRecords {
  /** How many are still to be taken. */
  left: number
  private readonly cursor: Cursor
  private readonly baseOffset: number
  private readonly baseTimestamp: number
  /** Of all records of the batch, where the broker gave it. */
  private readonly appendTime: number | null

  /** `batch` begins with the header; `content` holds the records, decompressed. */
  constructor(batch: Buffer, content: Buffer, fromOffset: number) {
    this.left = batch.readInt32BE(57)
    this.cursor = new Cursor(content)
    this.baseOffset = readInt64(batch, 0)
    this.baseTimestamp = readInt64(batch, 27)
    this.appendTime = batch.readInt16BE(21) & appendTimeFlag ? readInt64(batch, 35) : null
    this.skipBelow(fromOffset)
  }

  /** The next ones, at most so many. One function: this is the hottest loop there is. */
  take(most: number, taken: StoredRecord[] = []): StoredRecord[] {
    const { cursor, baseOffset, baseTimestamp, appendTime } = this
    const count = Math.min(most, this.left)
    for (let index = 0; index < count; index += 1) {
      const size = cursor.varint()
      const end = cursor.at + size
      cursor.at += 1
      const timestamp = baseTimestamp + cursor.varlong()
      const offset = baseOffset + cursor.varint()
      const key = cursor.field()
      const value = cursor.field()
      const headers = cursor.headers()
      taken.push({ key, value, timestamp: appendTime ?? timestamp, headers, offset })
      cursor.at = end
    }
    this.left -= count
    return taken
  }

  private skipBelow(fromOffset: number): void {
    const { cursor, baseOffset } = this
    if (baseOffset >= fromOffset) return
    while (this.left > 0) {
      const begin = cursor.at
      const size = cursor.varint()
      const end = cursor.at + size
      cursor.at += 1
      cursor.varlong()
      if (baseOffset + cursor.varint() >= fromOffset) {
        cursor.at = begin
        return
      }
      cursor.at = end
      this.left -= 1
    }
  }
}

class Cursor {
  at = 0

  constructor(readonly bytes: Buffer) {}

  varint(): number {
    let byte = this.bytes[this.at++]
    if (byte < 0x80) return (byte >>> 1) ^ -(byte & 1)
    let value = byte & 0x7f
    let shift = 7
    do {
      byte = this.bytes[this.at++]
      value |= (byte & 0x7f) << shift
      shift += 7
    } while (byte >= 0x80)
    return (value >>> 1) ^ -(value & 1)
  }

  /** See `BatchBuilder.varlong`: the lowest bit is the sign, the others are the magnitude. */
  varlong(): number {
    let byte = this.bytes[this.at++]
    const negative = (byte & 1) === 1
    let magnitude = (byte & 0x7f) >>> 1
    for (let scale = 64; byte >= 0x80; scale *= 128) {
      byte = this.bytes[this.at++]
      magnitude += (byte & 0x7f) * scale
    }
    return negative ? -magnitude - 1 : magnitude
  }

  field(): Buffer | null {
    const size = this.varint()
    if (size < 0) return null
    const from = this.at
    this.at = from + size
    return this.bytes.subarray(from, this.at)
  }

  headers(): Headers | null {
    const count = this.varint()
    if (count === 0) return null
    const headers: [string, Buffer][] = []
    for (let index = 0; index < count; index += 1) {
      const name = this.field()!.toString()
      // A header without a value is told as an empty one: the port has no null there.
      headers.push([name, this.field() ?? Buffer.alloc(0)])
    }
    return headers
  }
}

/**
 * The bytes of a block: up to 1,024 records of one topic partition, and the seal behind them.
 *
 *   u8 format, u16 count, f64 timestamp of the first record
 *   a record: u8 flags, timestamp (varint zigzag delta to the record before, or f64),
 *             [length, key] [length, value] [count, { length, name, length, value }]
 *   u64 seal: hash of the block's key and all bytes before it
 *
 * Lengths and counts are varints, other numbers little-endian. What this file owns: the layout,
 * and that a block whose bytes are not what was written is never decoded.
 */
import { sealBytes, sealIn, sealOf } from '../state/checksum.js'
import { erasesCustomer } from './erasure-index.js'
import type { Headers, LogRecord, StoredRecord } from './log.js'

export const BLOCK_RECORDS_MAX = 1024
/** A block is closed at this size: a reader holds whole blocks in memory. */
const BLOCK_BYTES_MAX = 512 * 1024

const FORMAT = 1
const HEADER_BYTES = 11
const KEY_NULL = 1
const VALUE_NULL = 2
const HEADERS_NULL = 4
const TIMESTAMP_ABSOLUTE = 8
/** Most bytes that a record needs beside its key, value and headers. */
const RECORD_OVERHEAD_MAX = 24

/** Gathers records into the bytes of one block. */
export class BlockBuilder {
  count = 0
  /** Keys of null values, with the record's place in the block. */
  readonly erased: { readonly index: number; readonly key: Buffer }[] = []
  #buffer = Buffer.allocUnsafe(1024)
  #length = HEADER_BYTES
  #timestamp = 0

  get isFull(): boolean {
    return this.count >= BLOCK_RECORDS_MAX || this.#length >= BLOCK_BYTES_MAX
  }

  /** Copies a record in and returns the bytes that it took. */
  add(record: LogRecord): number {
    const { key, value, timestamp, headers } = record
    this.#reserve(RECORD_OVERHEAD_MAX + (key?.length ?? 0) + (value?.length ?? 0))
    const buffer = this.#buffer
    const start = this.#length
    if (this.count === 0) {
      this.#timestamp = timestamp
      buffer.writeDoubleLE(timestamp, 3)
    }
    const delta = timestamp - this.#timestamp
    const absolute = delta > 0x3fffffff || delta < -0x3fffffff
    buffer[start] =
      (key === null ? KEY_NULL : 0) |
      (value === null ? VALUE_NULL : 0) |
      (headers === null ? HEADERS_NULL : 0) |
      (absolute ? TIMESTAMP_ABSOLUTE : 0)
    let at = start + 1
    at = absolute
      ? buffer.writeDoubleLE(timestamp, at)
      : writeVarint(buffer, at, (delta << 1) ^ (delta >> 31))
    if (key !== null) at = writeBytes(buffer, at, key)
    if (value !== null) at = writeBytes(buffer, at, value)
    this.#length = at
    if (headers !== null) this.#addHeaders(headers)
    if (value === null && erasesCustomer(key)) {
      this.erased.push({ index: this.count, key: Buffer.from(key) })
    }
    this.#timestamp = timestamp
    this.count += 1
    return this.#length - start
  }

  /** The block's value under its key. The builder is used up. */
  finish(key: Buffer): Buffer {
    this.#reserve(sealBytes)
    const buffer = this.#buffer
    buffer[0] = FORMAT
    buffer.writeUInt16LE(this.count, 1)
    const content = buffer.subarray(0, this.#length)
    buffer.writeBigUInt64LE(sealOf(key, content), this.#length)
    return buffer.subarray(0, this.#length + sealBytes)
  }

  #addHeaders(headers: Headers): void {
    this.#reserve(5)
    this.#length = writeVarint(this.#buffer, this.#length, headers.length)
    for (const [name, value] of headers) {
      const nameBytes = Buffer.from(name)
      this.#reserve(10 + nameBytes.length + value.length)
      this.#length = writeBytes(this.#buffer, this.#length, nameBytes)
      this.#length = writeBytes(this.#buffer, this.#length, value)
    }
  }

  #reserve(bytes: number): void {
    const needed = this.#length + bytes
    if (needed <= this.#buffer.length) return
    const grown = Buffer.allocUnsafe(Math.max(needed, this.#buffer.length * 2))
    grown.set(this.#buffer.subarray(0, this.#length), 0)
    this.#buffer = grown
  }
}

class BlockRecord implements StoredRecord {
  constructor(
    readonly key: Buffer | null,
    readonly value: Buffer | null,
    readonly timestamp: number,
    readonly headers: Headers | null,
    readonly offset: number,
  ) {}
}

/** How many records a block says it has; nothing is checked. */
export function blockCount(block: Buffer): number {
  return block.length < HEADER_BYTES ? 0 : block.readUInt16LE(1)
}

/**
 * The records of a block whose first offset is `baseOffset`; their buffers are views of `block`.
 * Null where the bytes are not those that were written under this key.
 */
export function decodeBlock(key: Buffer, block: Buffer, baseOffset: number): StoredRecord[] | null {
  if (!isWhole(key, block)) return null
  const count = block.readUInt16LE(1)
  const records: StoredRecord[] = []
  const cursor = new BlockCursor(block, HEADER_BYTES)
  for (let index = 0; index < count; index += 1) records.push(cursor.record(baseOffset + index))
  return records
}

/**
 * The records at ascending `offsets` of a block that `isWhole`, without the objects of those between.
 * Their bytes are copies.
 */
export function recordsIn(
  block: Buffer,
  baseOffset: number,
  offsets: readonly number[],
): StoredRecord[] {
  const cursor = new BlockCursor(block, HEADER_BYTES)
  let next = baseOffset
  return offsets.map((offset) => {
    for (; next < offset; next += 1) cursor.skip()
    next += 1
    const { key, value, timestamp, headers } = cursor.record(offset)
    const copied = headers?.map(([name, content]) => [name, Buffer.from(content)] as const) ?? null
    return new BlockRecord(
      key && Buffer.from(key),
      value && Buffer.from(value),
      timestamp,
      copied,
      offset,
    )
  })
}

/** Whether the bytes are those that were written under the key. */
export function isWhole(key: Buffer, block: Buffer): boolean {
  const end = block.length - sealBytes
  if (end < HEADER_BYTES || block[0] !== FORMAT) return false
  return sealOf(key, block.subarray(0, end)) === sealIn(block.subarray(end))
}

/** Reads what `BlockBuilder` wrote. The seal has been checked: no bound is checked again. */
class BlockCursor {
  private timestamp: number

  constructor(
    readonly block: Buffer,
    private at: number,
  ) {
    this.timestamp = block.readDoubleLE(3)
  }

  record(offset: number): StoredRecord {
    const flags = this.head()
    const key = flags & KEY_NULL ? null : this.bytes()
    const value = flags & VALUE_NULL ? null : this.bytes()
    const headers = flags & HEADERS_NULL ? null : this.headers()
    return new BlockRecord(key, value, this.timestamp, headers, offset)
  }

  /** Passes over a record. */
  skip(): void {
    const flags = this.head()
    if (!(flags & KEY_NULL)) this.pass()
    if (!(flags & VALUE_NULL)) this.pass()
    if (!(flags & HEADERS_NULL)) this.headers()
  }

  private pass(): void {
    const length = this.varint()
    this.at += length
  }

  private head(): number {
    const flags = this.byte()
    if (flags & TIMESTAMP_ABSOLUTE) this.timestamp = this.double()
    else this.timestamp += this.signed()
    return flags
  }

  byte(): number {
    return this.block[this.at++]
  }

  double(): number {
    const value = this.block.readDoubleLE(this.at)
    this.at += 8
    return value
  }

  varint(): number {
    let byte = this.block[this.at++]
    let value = byte & 0x7f
    for (let shift = 7; byte > 0x7f; shift += 7) {
      byte = this.block[this.at++]!
      value |= (byte & 0x7f) << shift
    }
    return value >>> 0
  }

  signed(): number {
    const value = this.varint()
    return (value >>> 1) ^ -(value & 1)
  }

  bytes(): Buffer {
    const length = this.varint()
    const start = this.at
    this.at = start + length
    return this.block.subarray(start, this.at)
  }

  headers(): Headers {
    const count = this.varint()
    const headers: (readonly [string, Buffer])[] = []
    for (let index = 0; index < count; index += 1) {
      headers.push([this.bytes().toString('utf8'), this.bytes()])
    }
    return headers
  }
}

function writeVarint(buffer: Buffer, from: number, value: number): number {
  let at = from
  let rest = value >>> 0
  while (rest > 0x7f) {
    buffer[at++] = (rest & 0x7f) | 0x80
    rest >>>= 7
  }
  buffer[at++] = rest
  return at
}

function writeBytes(buffer: Buffer, from: number, bytes: Uint8Array): number {
  const at = writeVarint(buffer, from, bytes.length)
  buffer.set(bytes, at)
  return at + bytes.length
}

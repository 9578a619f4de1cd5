/**
 * Blocks of an archive: the records of a range of offsets, deflated behind a checksum.
 *
 *   'TBLK' | u32 length of the body | u32 CRC-32C of the body | body
 *   body: f64 from | f64 to | u32 records | deflated records
 *
 * The range is what was read of the log, so it covers offsets that have no committed record. Bytes of
 * keys, values and headers are those of the log, whatever is in them.
 */
import { deflateRawSync, inflateRawSync } from 'node:zlib'
import { crc32c } from '@node-rs/crc32'
import { type Headers, recordBytes, type StoredRecord } from './log.js'

export interface Block {
  /** Inclusive. */
  readonly from: number
  /** Exclusive. */
  readonly to: number
  readonly records: readonly StoredRecord[]
}

/** What stands before a body, and at its beginning. */
export interface BlockHead {
  readonly bodyBytes: number
  readonly checksum: number
}

const magic = Buffer.from('TBLK')
export const blockHeadBytes = 12
export const rangeBytes = 20
/** Longer bodies are somebody else's bytes. */
const bodyBytesMax = 256 * 1024 * 1024
/** In the place of a length: there is no key or value. */
const none = 0xffff_ffff

export function encodeBlock({ from, to, records }: Block): Buffer {
  const packed = deflateRawSync(packRecords(records), { level: 1 })
  const bytes = Buffer.allocUnsafe(blockHeadBytes + rangeBytes + packed.length)
  magic.copy(bytes)
  bytes.writeUInt32BE(rangeBytes + packed.length, 4)
  bytes.writeDoubleBE(from, blockHeadBytes)
  bytes.writeDoubleBE(to, blockHeadBytes + 8)
  bytes.writeUInt32BE(records.length, blockHeadBytes + 16)
  packed.copy(bytes, blockHeadBytes + rangeBytes)
  bytes.writeUInt32BE(crc32c(bytes.subarray(blockHeadBytes)), 8)
  return bytes
}

/** null: there is no block. */
export function readBlockHead(bytes: Buffer): BlockHead | null {
  if (bytes.length < blockHeadBytes || !bytes.subarray(0, 4).equals(magic)) return null
  const bodyBytes = bytes.readUInt32BE(4)
  if (bodyBytes < rangeBytes || bodyBytes > bodyBytesMax) return null
  return { bodyBytes, checksum: bytes.readUInt32BE(8) }
}

/** Where the next block may begin, at or behind `at`; -1: nowhere. */
export function findBlock(bytes: Buffer, at: number): number {
  return bytes.indexOf(magic, at)
}

/** The range of a body, and how many records it has; nothing of it is checked. */
export function readRange(body: Buffer): {
  readonly from: number
  readonly to: number
  readonly count: number
} {
  return { from: body.readDoubleBE(0), to: body.readDoubleBE(8), count: body.readUInt32BE(16) }
}

/** null: the body is not what was written. */
export function decodeBody(body: Buffer, { bodyBytes, checksum }: BlockHead): Block | null {
  if (body.length !== bodyBytes || crc32c(body) !== checksum) return null
  const { from, to, count } = readRange(body)
  try {
    const records = unpackRecords(inflateRawSync(body.subarray(rangeBytes)), count)
    return records !== null && isWithin(records, from, to) ? { from, to, records } : null
  } catch {
    // Bytes under a checksum of their own that do not inflate: the caller says where they are.
    return null
  }
}

/** Offsets grow, within the range. */
function isWithin(records: readonly StoredRecord[], from: number, to: number): boolean {
  let next = from
  for (const { offset } of records) {
    if (offset < next) return false
    next = offset + 1
  }
  return next <= to
}

function packRecords(records: readonly StoredRecord[]): Buffer {
  let size = 0
  // Its estimate is above what a record takes here: 28 bytes and 8 a header.
  for (const record of records) size += recordBytes(record)
  const into = Buffer.allocUnsafe(size)
  let at = 0
  const field = (bytes: Buffer | null): void => {
    at = into.writeUInt32BE(bytes === null ? none : bytes.length, at)
    if (bytes !== null) at += bytes.copy(into, at)
  }
  for (const { offset, timestamp, key, value, headers } of records) {
    at = into.writeDoubleBE(offset, at)
    at = into.writeDoubleBE(timestamp, at)
    field(key)
    field(value)
    at = into.writeUInt32BE(headers?.length ?? 0, at)
    for (const [name, content] of headers ?? []) {
      field(Buffer.from(name))
      field(content)
    }
  }
  return into.subarray(0, at)
}

function unpackRecords(bytes: Buffer, count: number): StoredRecord[] | null {
  const records: StoredRecord[] = []
  let at = 0
  const number = (): number => bytes.readUInt32BE((at += 4) - 4)
  const double = (): number => bytes.readDoubleBE((at += 8) - 8)
  const field = (): Buffer | null => {
    const length = number()
    if (length === none) return null
    const field = bytes.subarray(at, at + length)
    at += length
    return field
  }
  for (let index = 0; index < count; index++) {
    const [offset, timestamp, key, value] = [double(), double(), field(), field()]
    records.push({ offset, timestamp, key, value, headers: headersOf(number(), field) })
  }
  return at === bytes.length ? records : null
}

function headersOf(count: number, field: () => Buffer | null): Headers | null {
  if (count === 0) return null
  const headers: (readonly [string, Buffer])[] = []
  for (let index = 0; index < count; index++) {
    const name = field()!.toString()
    headers.push([name, field()!])
  }
  return headers
}

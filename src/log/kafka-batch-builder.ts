/**
 * Builds record batches (format 2) straight into the bytes that go over the wire.
 *
 * B1 A batch never passes `recordBytesMax`, which is what a topic accepts; a record of that size is
 *    alone in its batch.
 * B2 The header is written last: who produces, under which epoch and sequence, is known only when
 *    the transaction commits.
 */
import { crc32c } from '@node-rs/crc32'
import { writeInt64 } from './kafka-wire.js'
import { type LogRecord, recordBytesMax } from './log.js'

export const batchHeaderBytes = 61
const magic = 2
const transactionalFlag = 0x10
/** Length, attributes and deltas of a record never take more. */
const recordFramingMax = 32

/** Who writes a batch, as the broker knows him. */
export interface ProducerStamp {
  readonly producerId: number
  readonly producerEpoch: number
  readonly baseSequence: number
}

export class BatchBuilder {
  count = 0
  private bytes = Buffer.allocUnsafe(4096)
  private at = batchHeaderBytes
  private baseTimestamp = 0
  private maxTimestamp = 0

  get size(): number {
    return this.at
  }

  /** Empties it for another batch, whose bytes come where this one's were. */
  reset(): this {
    this.count = 0
    this.at = batchHeaderBytes
    return this
  }

  /** Copies the record, or returns false where the batch has no room for it (B1). */
  add(record: LogRecord): boolean {
    const { key, value, headers, timestamp } = record
    const headersSize = headersBytes(headers)
    const bodyMax = (key?.length ?? 0) + (value?.length ?? 0) + headersSize + recordFramingMax
    if (this.count > 0 && this.at + bodyMax > recordBytesMax) return false
    this.ensure(bodyMax)
    if (this.count === 0) this.baseTimestamp = this.maxTimestamp = timestamp
    else if (timestamp > this.maxTimestamp) this.maxTimestamp = timestamp
    const delta = timestamp - this.baseTimestamp
    const size =
      1 +
      varlongBytes(delta) +
      varintBytes(this.count) +
      fieldBytes(key) +
      fieldBytes(value) +
      headersSize
    this.varint(size)
    this.bytes[this.at++] = 0
    this.varlong(delta)
    this.varint(this.count)
    this.field(key)
    this.field(value)
    this.headers(headers)
    this.count += 1
    return true
  }

  /** The batch as it is sent. */
  finish({ producerId, producerEpoch, baseSequence }: ProducerStamp): Buffer {
    const batch = this.bytes.subarray(0, this.at)
    batch.fill(0, 0, 8)
    batch.writeInt32BE(this.at - 12, 8)
    batch.writeInt32BE(-1, 12)
    batch[16] = magic
    batch.writeInt16BE(transactionalFlag, 21)
    batch.writeInt32BE(this.count - 1, 23)
    writeInt64(batch, this.baseTimestamp, 27)
    writeInt64(batch, this.maxTimestamp, 35)
    writeInt64(batch, producerId, 43)
    batch.writeInt16BE(producerEpoch, 51)
    batch.writeInt32BE(baseSequence, 53)
    batch.writeInt32BE(this.count, 57)
    batch.writeUInt32BE(crc32c(batch.subarray(21)), 17)
    return batch
  }

  private ensure(count: number): void {
    const due = this.at + count
    if (due <= this.bytes.length) return
    const grown = Buffer.allocUnsafe(Math.max(due, this.bytes.length * 2))
    this.bytes.copy(grown, 0, 0, this.at)
    this.bytes = grown
  }

  private headers(headers: LogRecord['headers']): void {
    this.varint(headers?.length ?? 0)
    if (headers === null) return
    for (const [name, content] of headers) {
      this.varint(Buffer.byteLength(name))
      this.at += this.bytes.write(name, this.at)
      this.field(content)
    }
  }

  private field(content: Buffer | null): void {
    if (content === null) return this.varint(-1)
    this.varint(content.length)
    this.bytes.set(content, this.at)
    this.at += content.length
  }

  private varint(value: number): void {
    let left = (value << 1) ^ (value >> 31)
    while (left & ~0x7f) {
      this.bytes[this.at++] = (left & 0x7f) | 0x80
      left >>>= 7
    }
    this.bytes[this.at++] = left
  }

  private varlong(value: number): void {
    if (isSmall(value)) return this.varint(value)
    // Zigzag without passing 2^53: the lowest bit is the sign, the others are the magnitude.
    const magnitude = value < 0 ? -value - 1 : value
    let left = Math.floor(magnitude / 64)
    this.bytes[this.at++] = ((magnitude & 0x3f) << 1) | (value < 0 ? 1 : 0) | 0x80
    while (left > 0x7f) {
      this.bytes[this.at++] = (left & 0x7f) | 0x80
      left = Math.floor(left / 128)
    }
    this.bytes[this.at++] = left
  }
}

/** How many builders wait for another batch: a process with few partitions makes no new ones. */
const spareMax = 16

/**
 * Builders whose batches have arrived. A commit has megabytes, and memory that is new for each one is
 * what the garbage collector runs for most often.
 */
export class BatchBuilders {
  private readonly spare: BatchBuilder[] = []

  take(): BatchBuilder {
    return this.spare.pop()?.reset() ?? new BatchBuilder()
  }

  /** The bytes of their batches are no longer wanted by anybody, a socket included. */
  give(builders: readonly BatchBuilder[]): void {
    this.spare.push(...builders.slice(0, spareMax - this.spare.length))
  }
}

/** Whether the doubled value is within 32 bits. */
function isSmall(value: number): boolean {
  return value >= -0x4000_0000 && value < 0x4000_0000
}

function varintBytes(value: number): number {
  let bytes = 1
  for (let left = (value << 1) ^ (value >> 31); left & ~0x7f; left >>>= 7) bytes += 1
  return bytes
}

function varlongBytes(value: number): number {
  if (isSmall(value)) return varintBytes(value)
  let bytes = 2
  for (let left = Math.floor((value < 0 ? -value - 1 : value) / 64); left > 0x7f; bytes += 1) {
    left = Math.floor(left / 128)
  }
  return bytes
}

function fieldBytes(content: Buffer | null): number {
  return content === null ? 1 : varintBytes(content.length) + content.length
}

function headersBytes(headers: LogRecord['headers']): number {
  let bytes = varintBytes(headers?.length ?? 0)
  if (headers === null) return bytes
  for (const [name, content] of headers) {
    const size = Buffer.byteLength(name)
    bytes += varintBytes(size) + size + fieldBytes(content)
  }
  return bytes
}

/**
 * Reads record batches (format 2) out of the answer to a fetch: what is committed, and how far the
 * answer reaches.
 *
 * A1 A record of an aborted transaction is never handed out. Which transactions were aborted, and
 *    from which offset, stands in the answer; where one ends is told by a control batch, and a batch
 *    is one by its flag. (The client's own filter looks at keys, and at one transaction at a time.)
 * A2 Control batches and aborted ones count: `nextOffset` is behind them.
 * A3 A batch whose checksum does not match is damage, told with its offset.
 */
import { crc32c } from '@node-rs/crc32'
import { configurationError, ioError } from '../errors.js'
import { batchHeaderBytes } from './kafka-batch-builder.js'
import { BatchRecords } from './kafka-batch-records.js'
import { unpacked } from './kafka-codecs.js'
import type { AbortedTransaction } from './kafka-requests.js'
import { readInt64 } from './kafka-wire.js'
import type { TopicPartition } from './tails.js'

const magic = 2
const codecMask = 0x07
const transactionalFlag = 0x10
const controlFlag = 0x20
const abortMarkerType = 0

export interface ReadBatches {
  /** In order; none of them is empty. */
  readonly batches: BatchRecords[]
  /** Behind the last whole batch, whatever it held. */
  readonly nextOffset: number
}

/**
 * Reads the batches of an answer, whose first one may begin before `fromOffset`.
 *
 * @throws TidemarkError LOG_DAMAGED, LOG_FORMAT_OLD, CODEC_MISSING
 */
export async function readBatches(
  { bytes, aborted }: { readonly bytes: Buffer; readonly aborted: readonly AbortedTransaction[] },
  at: TopicPartition,
  fromOffset: number,
): Promise<ReadBatches> {
  const filter = new AbortedFilter(aborted)
  const batches: BatchRecords[] = []
  let nextOffset = fromOffset
  // The last batch may be cut off: the answer is bounded in bytes, whatever they belong to.
  for (let begin = 0; begin + batchHeaderBytes <= bytes.length;) {
    const end = begin + 12 + bytes.readInt32BE(begin + 8)
    if (end > bytes.length) break
    const batch = bytes.subarray(begin, end)
    begin = end
    checkBatch(batch, at)
    nextOffset = readInt64(batch, 0) + batch.readInt32BE(23) + 1
    if (nextOffset <= fromOffset || !filter.passes(batch, nextOffset)) continue
    const codec = batch.readInt16BE(21) & codecMask
    const content = batch.subarray(batchHeaderBytes)
    const plain = codec === 0 ? content : await unpacked(codec, content, placeOf(batch, at))
    const records = new BatchRecords(batch, plain, fromOffset)
    if (records.left > 0) batches.push(records)
  }
  return { batches, nextOffset: Math.max(nextOffset, fromOffset) }
}

/** Keeps A1 over the batches of one answer, in order. */
class AbortedFilter {
  private readonly waiting: readonly AbortedTransaction[]
  private next = 0
  /** Whose transaction is under way at this offset, and was aborted later. */
  private readonly producers = new Set<number>()

  constructor(aborted: readonly AbortedTransaction[]) {
    this.waiting = [...aborted].sort((a, b) => a.firstOffset - b.firstOffset)
  }

  /** Whether the batch, which ends before `endOffset`, holds committed records. */
  passes(batch: Buffer, endOffset: number): boolean {
    while (this.next < this.waiting.length && this.waiting[this.next].firstOffset < endOffset) {
      this.producers.add(this.waiting[this.next].producerId)
      this.next += 1
    }
    const attributes = batch.readInt16BE(21)
    if (attributes & controlFlag) {
      if (isAbortMarker(batch)) this.producers.delete(readInt64(batch, 43))
      return false
    }
    if (this.producers.size === 0 || !(attributes & transactionalFlag)) return true
    return !this.producers.has(readInt64(batch, 43))
  }
}

/** A control record's key is its version and its type, two bytes each. */
function isAbortMarker(batch: Buffer): boolean {
  const [marker] = new BatchRecords(batch, batch.subarray(batchHeaderBytes), 0).take(1)
  return marker?.key!.readInt16BE(2) === abortMarkerType
}

function placeOf(batch: Buffer, { topic, partition }: TopicPartition): string {
  return `${topic} partition ${partition} at offset ${readInt64(batch, 0)}`
}

function checkBatch(batch: Buffer, { topic, partition }: TopicPartition): void {
  const place = placeOf(batch, { topic, partition })
  if (batch[16] !== magic) {
    const text = `${place}: records of format ${batch[16]}; 2 is due, as brokers write since 0.11`
    throw configurationError('LOG_FORMAT_OLD', text)
  }
  const due = batch.readUInt32BE(17)
  const came = crc32c(batch.subarray(21))
  if (due === came) return
  throw ioError('LOG_DAMAGED', `${place}: the batch has checksum ${came}; ${due} is due`)
}

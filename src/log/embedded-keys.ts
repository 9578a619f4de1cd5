/**
 * Keys of the embedded log. A first byte tells the kind; numbers are big-endian, so that LevelDB's
 * order is the order of the offsets.
 *
 *   0 meta        id, partition count, time base                                one row
 *   1 tally       how many partition rows were ever written                     one row
 *   2 partition   u32 partition: ends of its topics, count of its writes        one row a partition
 *   3 index       topic, u32 partition, u64 base offset, u16 count: no value    one row a block
 *   4 block       topic, u32 partition, u64 base offset: the records            one row a block
 *   5 erasure     topic, u32 partition, u64 offset: the erased key              one row an erasure
 *
 * The index says the same as the blocks' keys, in 30 bytes a block: opening a log of many gigabytes
 * must not read it.
 */
import type { TopicPartition } from './tails.js'

export const META_KEY = Buffer.from([0])
export const TALLY_KEY = Buffer.from([1])

export type Kind = 'index' | 'block' | 'erasure'
const tagOf: Readonly<Record<Kind, number>> = { index: 3, block: 4, erasure: 5 }
const PARTITION_TAG = 2

/** Bytes behind the topic's name: partition and offset. */
const PLACE_BYTES = 12

export function partitionKey(partition: number): Buffer {
  const key = Buffer.allocUnsafe(5)
  key[0] = PARTITION_TAG
  key.writeUInt32BE(partition, 1)
  return key
}

export function partitionRows(): { gte: Buffer; lt: Buffer } {
  return { gte: Buffer.from([PARTITION_TAG]), lt: Buffer.from([PARTITION_TAG + 1]) }
}

/** Key of a block or an erasure; with `count`, of an index row. */
export function keyAt(kind: Kind, at: TopicPartition, offset: number, count = -1): Buffer {
  const name = Buffer.from(at.topic)
  const key = Buffer.allocUnsafe(2 + name.length + PLACE_BYTES + (count < 0 ? 0 : 2))
  key[0] = tagOf[kind]
  key[1] = name.length
  key.set(name, 2)
  key.writeUInt32BE(at.partition, 2 + name.length)
  key.writeUInt32BE(Math.floor(offset / 2 ** 32), 6 + name.length)
  key.writeUInt32BE(offset % 2 ** 32, 10 + name.length)
  if (count >= 0) key.writeUInt16BE(count, 14 + name.length)
  return key
}

/** All rows of a kind. */
export function rowsOf(kind: Kind): { gte: Buffer; lt: Buffer } {
  return { gte: Buffer.from([tagOf[kind]]), lt: Buffer.from([tagOf[kind] + 1]) }
}

export function baseOffsetOf(key: Buffer): number {
  const at = 2 + key[1] + 4
  return key.readUInt32BE(at) * 2 ** 32 + key.readUInt32BE(at + 4)
}

export interface IndexRow extends TopicPartition {
  readonly baseOffset: number
  readonly count: number
}

/** What an index key says, or null where its bytes make no sense. */
export function parseIndexKey(key: Buffer): IndexRow | null {
  const nameLength = key[1] ?? 0
  if (key.length !== 2 + nameLength + PLACE_BYTES + 2) return null
  return {
    topic: key.toString('utf8', 2, 2 + nameLength),
    partition: key.readUInt32BE(2 + nameLength),
    baseOffset: baseOffsetOf(key),
    count: key.readUInt16BE(key.length - 2),
  }
}

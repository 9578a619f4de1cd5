/** Changes what LevelDB holds behind the back of the adapters, as rotten disks and people do. */
import { ClassicLevel } from 'classic-level'
import { BlockBuilder, decodeBlock } from '../../src/log/embedded-block.js'
import {
  baseOffsetOf,
  keyAt,
  parseIndexKey,
  partitionKey,
  rowsOf,
} from '../../src/log/embedded-keys.js'
import { decodeRow, encodeRow, type PartitionRow } from '../../src/log/embedded-rows.js'
import type { LogRecord, StoredRecord } from '../../src/log/log.js'
import type { TopicPartition } from '../../src/log/tails.js'

/** A row of an embedded log; topic and base offset mean nothing where the kind has none. */
export interface LogRow {
  readonly kind: 'meta' | 'tally' | 'partition' | 'index' | 'block' | 'erasure'
  readonly topic: string
  readonly baseOffset: number
  readonly value: Buffer
}

const KINDS = ['meta', 'tally', 'partition', 'index', 'block', 'erasure'] as const

/** Puts what `change` returns in each row's place, or deletes it for null. The log is closed. */
export async function changeLogRows(
  directory: string,
  change: (row: LogRow) => Buffer | null,
): Promise<void> {
  const db = openRaw(directory)
  for (const [key, value] of await db.iterator().all()) {
    const kind = KINDS[key[0]]
    const placed = kind === 'index' || kind === 'block' || kind === 'erasure'
    const before = Buffer.from(value)
    const after = change({
      kind,
      topic: placed ? key.toString('utf8', 2, 2 + key[1]) : '',
      baseOffset: placed ? baseOffsetOf(key) : -1,
      value,
    })
    if (after === null) await db.del(key)
    else if (!after.equals(before)) await db.put(key, after)
  }
  await db.close()
}

/** Where a record stands. */
export interface RecordPlace extends TopicPartition {
  readonly offset: number
}

/**
 * Puts another record in the place of the one at an offset, under a seal that holds: what a checksum
 * cannot find. The log is closed.
 */
export async function replaceRecord(
  directory: string,
  at: RecordPlace,
  change: (record: LogRecord) => LogRecord,
): Promise<void> {
  const db = openRaw(directory)
  let found = false
  for (const [key, value] of await db
    .iterator({ gte: Buffer.from([4]), lt: Buffer.from([5]) })
    .all()) {
    const topic = key.toString('utf8', 2, 2 + key[1])
    const partition = key.readUInt32BE(2 + key[1])
    if (topic !== at.topic || partition !== at.partition) continue
    const records = decodeBlock(key, value, baseOffsetOf(key))!
    if (!records.some((record) => record.offset === at.offset)) continue
    const block = new BlockBuilder()
    for (const record of records) block.add(record.offset === at.offset ? change(record) : record)
    await db.put(key, block.finish(key), { sync: true })
    found = true
  }
  await db.close()
  if (!found) throw new Error(`no record at offset ${at.offset} of ${at.topic}`)
}

/**
 * Takes the record at an offset out of its topic: those behind it move up, and index and ends say
 * so, under seals that hold. Nothing in the log itself tells any more that it was there. The log
 * is closed.
 */
export async function dropRecord(directory: string, at: RecordPlace): Promise<void> {
  const db = openRaw(directory)
  await db.open()
  const batch = db.batch()
  const kept: StoredRecord[] = []
  let found = false
  let next = at.offset
  for (const [key] of await db.iterator(rowsOf('index')).all()) {
    const row = parseIndexKey(key)!
    const { topic, partition, baseOffset, count } = row
    if (topic !== at.topic || partition !== at.partition) continue
    if (baseOffset + count <= at.offset) continue
    const blockKey = keyAt('block', row, baseOffset)
    const records = decodeBlock(blockKey, (await db.get(blockKey))!, baseOffset)!
    if (!found) next = baseOffset
    for (const record of records) {
      if (record.offset === at.offset) found = true
      else kept.push(record)
    }
    batch.del(key).del(blockKey)
  }
  for (let i = 0; i < kept.length;) {
    const block = new BlockBuilder()
    while (i < kept.length && !block.isFull) block.add(kept[i++])
    const key = keyAt('block', at, next)
    batch.put(key, block.finish(key)).put(keyAt('index', at, next, block.count), Buffer.alloc(0))
    next += block.count
  }
  const key = partitionKey(at.partition)
  const ends = decodeRow(key, (await db.get(key))!) as PartitionRow
  ends.ends[at.topic] = next
  await batch.put(key, encodeRow(key, ends)).write({ sync: true })
  await db.close()
  if (!found) throw new Error(`no record at offset ${at.offset} of ${at.topic}`)
}

function openRaw(directory: string): ClassicLevel<Buffer, Buffer> {
  return new ClassicLevel<Buffer, Buffer>(directory, {
    keyEncoding: 'buffer',
    valueEncoding: 'buffer',
  })
}

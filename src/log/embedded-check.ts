/**
 * What is looked at each time an embedded log is opened: that its index has no gap, ends where the
 * partition rows say, and that no write was lost as a whole. Blocks are checked when they are read.
 */
import { ioError } from '../errors.js'
import { pointOf, type Db } from '../state/level-store-db.js'
import { damaged } from './embedded-cursor.js'
import { TALLY_KEY, parseIndexKey, partitionKey, partitionRows, rowsOf } from './embedded-keys.js'
import { decodeRow, type PartitionRow, type TallyRow, writesOf } from './embedded-rows.js'
import type { Tails } from './tails.js'

const KEYS_AT_ONCE = 4096

/**
 * Sets the tails' ends and returns the partition rows.
 *
 * @throws TidemarkError LOG_DAMAGED naming topic, partition and offsets
 */
export async function checkedTails(db: Db, tails: Tails): Promise<Map<number, PartitionRow>> {
  const rows = await readPartitionRows(db, tails.partitionCount)
  await followIndex(db, tails)
  for (const tail of tails.present()) {
    const due = rows.get(tail.partition)?.ends[tail.topic] ?? 0
    if (tail.end > due) throw damaged(tail, due, tail.end, 'no partition row closes over them')
  }
  for (const [partition, row] of rows) {
    for (const [topic, due] of Object.entries(row.ends)) {
      const tail = tails.of(topic, partition)
      if (tail.end < due) throw damaged(tail, tail.end, due, 'records are missing')
    }
  }
  return rows
}

async function readPartitionRows(db: Db, count: number): Promise<Map<number, PartitionRow>> {
  const rows = new Map<number, PartitionRow>()
  for (const [key, bytes] of await db.iterator(partitionRows()).all()) {
    const row = decodeRow(key, bytes) as PartitionRow | null
    const partition = key.readUInt32BE(1)
    if (row === null || partition >= count || !key.equals(partitionKey(partition))) {
      throw ioError('LOG_DAMAGED', `log: the row of partition ${partition} is damaged`)
    }
    rows.set(partition, row)
  }
  const writes = writesOf(rows)
  const bytes = await pointOf(db, TALLY_KEY)
  const tally = bytes === null ? { writes: 0 } : (decodeRow(TALLY_KEY, bytes) as TallyRow | null)
  if (tally === null || tally.writes !== writes) {
    throw ioError(
      'LOG_DAMAGED',
      `log: a committed transaction is missing: ${tally?.writes ?? 'an unknown number of'} writes ` +
        `were counted, ${writes} are there`,
    )
  }
  return rows
}

/** Walks the index, 30 bytes a block, and moves each tail to the end of its last block. */
async function followIndex(db: Db, tails: Tails): Promise<void> {
  const keys = db.keys({ ...rowsOf('index'), highWaterMarkBytes: 1024 * 1024 })
  try {
    for (;;) {
      const portion = await keys.nextv(KEYS_AT_ONCE)
      if (portion.length === 0) return
      for (const key of portion) {
        const row = parseIndexKey(key)
        if (row === null || row.partition >= tails.partitionCount) {
          throw ioError('LOG_DAMAGED', `log: index key ${key.toString('hex')} makes no sense`)
        }
        const tail = tails.of(row.topic, row.partition)
        if (row.baseOffset !== tail.end) {
          const from = Math.min(row.baseOffset, tail.end)
          throw damaged(tail, from, Math.max(row.baseOffset, tail.end), 'gap in the index')
        }
        tail.end += row.count
      }
    }
  } finally {
    await keys.close()
  }
}

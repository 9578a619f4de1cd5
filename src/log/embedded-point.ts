/** A record of a topic partition by its offset, without what lies around it. */
import type { Db } from '../state/level-store-db.js'
import { decodeRecord } from './embedded-block.js'
import { damaged, readFailure } from './embedded-cursor.js'
import { baseOffsetOf, keyAt } from './embedded-keys.js'
import type { StoredRecord } from './log.js'
import type { TopicPartition } from './tails.js'

/**
 * The record at a committed offset.
 *
 * By an iterator although the key could be found in the index: in a log that an earlier version
 * wrote, LevelDB's `get` may miss a key that a merge deleted and put again (`state/read-gate.ts`).
 *
 * @throws TidemarkError LOG_DAMAGED, LOG_IO_FAILED
 */
export async function recordAt(db: Db, at: TopicPartition, offset: number): Promise<StoredRecord> {
  const range = { gte: keyAt('block', at, 0), lt: keyAt('block', at, offset + 1) }
  const found = await db
    .iterator({ ...range, reverse: true, limit: 1 })
    .all()
    .catch((error: unknown) => {
      throw readFailure(at, offset, offset + 1, error)
    })
  const [[key, block]] = found.length > 0 ? found : [[null, null]]
  if (key === null) throw damaged(at, offset, offset + 1, 'records are missing')
  const record = decodeRecord(key, block, baseOffsetOf(key), offset)
  if (record !== null) return record
  throw damaged(at, offset, offset + 1, 'a checksum does not hold, or records are missing')
}

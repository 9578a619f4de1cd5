/**
 * Records of a topic partition by their offsets, without what lies around them.
 *
 * Owns the records that were asked for last: who looks at a history looks again when it has grown by a
 * step. Records and not blocks, of which a history has as many as steps, half a megabyte each. What is
 * committed never changes (L1), so nothing that is kept becomes wrong.
 */
import type { Db } from '../state/level-store-db.js'
import type { ReadGate } from '../state/read-gate.js'
import { blockCount, isWhole, recordsIn } from './embedded-block.js'
import { damaged, readFailure } from './embedded-cursor.js'
import { baseOffsetOf, keyAt } from './embedded-keys.js'
import { recordBytes, type StoredRecord } from './log.js'
import type { TopicPartition } from './tails.js'

/** Histories of a hundred customers or more. */
const keptBytesMax = 8 * 1024 * 1024
/** Blocks that are read at once for a request. */
const lanesMax = 4

export class PointReader {
  /** In the order of their use. */
  readonly #kept = new Map<string, StoredRecord>()
  #keptBytes = 0

  constructor(
    private readonly db: Db,
    private readonly gate: ReadGate,
  ) {}

  /**
   * The records at committed offsets, in any order. A block in which several lie is read and checked
   * once, or once more where two lanes meet; no record pins one in memory.
   *
   * @throws TidemarkError LOG_DAMAGED, LOG_IO_FAILED
   */
  async recordsAt(at: TopicPartition, offsets: readonly number[]): Promise<StoredRecord[]> {
    const found: StoredRecord[] = []
    const missing: number[] = []
    for (const offset of new Set(offsets)) {
      const record = this.#find(at, offset)
      if (record === undefined) missing.push(offset)
      else found.push(record)
    }
    if (missing.length === 0) return found
    missing.sort((a, b) => a - b)
    const lane = Math.ceil(missing.length / lanesMax)
    const lanes: Promise<StoredRecord[]>[] = []
    for (let from = 0; from < missing.length; from += lane) {
      lanes.push(this.#read(at, missing.slice(from, from + lane)))
    }
    for (const records of await Promise.all(lanes)) found.push(...records)
    return found
  }

  /** Block by block; `offsets` ascend. */
  async #read(at: TopicPartition, offsets: readonly number[]): Promise<StoredRecord[]> {
    const found: StoredRecord[] = []
    while (found.length < offsets.length) {
      const left = offsets.slice(found.length)
      const records = await this.gate.read(() => readBlock(this.db, at, left))
      for (const record of records) {
        found.push(record)
        this.#keep(at, record)
      }
    }
    return found
  }

  #find(at: TopicPartition, offset: number): StoredRecord | undefined {
    const name = nameOf(at, offset)
    const record = this.#kept.get(name)
    if (record === undefined) return undefined
    this.#kept.delete(name)
    this.#kept.set(name, record)
    return record
  }

  #keep(at: TopicPartition, record: StoredRecord): void {
    const name = nameOf(at, record.offset)
    // Another request may have read the same.
    if (this.#kept.has(name)) return
    this.#kept.set(name, record)
    this.#keptBytes += bytesOf(name, record)
    for (const [oldest, kept] of this.#kept) {
      if (this.#keptBytes <= keptBytesMax) return
      this.#kept.delete(oldest)
      this.#keptBytes -= bytesOf(oldest, kept)
    }
  }
}

/**
 * Of `offsets`, which ascend, those records that lie in the block of the first.
 *
 * By an iterator although the key could be found in the index: in a log that an earlier version
 * wrote, LevelDB's `get` may miss a key that a merge deleted and put again (`state/read-gate.ts`).
 */
async function readBlock(
  db: Db,
  at: TopicPartition,
  offsets: readonly number[],
): Promise<StoredRecord[]> {
  const [offset] = offsets
  const range = { gte: keyAt('block', at, 0), lt: keyAt('block', at, offset + 1) }
  const found = await db
    .iterator({ ...range, reverse: true, limit: 1 })
    .all()
    .catch((error: unknown) => {
      throw readFailure(at, offset, offset + 1, error)
    })
  if (found.length === 0) throw damaged(at, offset, offset + 1, 'records are missing')
  const [[key, block]] = found
  const baseOffset = baseOffsetOf(key)
  const end = baseOffset + blockCount(block)
  if (!isWhole(key, block) || offset >= end) {
    throw damaged(at, offset, offset + 1, 'a checksum does not hold, or records are missing')
  }
  const inside = offsets.filter((one) => one < end)
  return recordsIn(block, baseOffset, inside)
}

function nameOf({ topic, partition }: TopicPartition, offset: number): string {
  return `${topic}/${partition}/${offset}`
}

/** Memory, roughly. */
function bytesOf(name: string, record: StoredRecord): number {
  return 200 + name.length + recordBytes(record)
}

/**
 * Reads the blocks of one topic partition in order: each is fetched ahead, decoded once and handed
 * out in slices.
 */
import { TidemarkError, ioError } from '../errors.js'
import { levelFailure, type Db, type FailureNames } from '../state/level-store-db.js'
import { decodeBlock } from './embedded-block.js'
import { baseOffsetOf, keyAt, parseIndexKey } from './embedded-keys.js'
import type { StoredRecord } from './log.js'
import type { RecordSource } from './tail-reader.js'
import type { TopicPartition } from './tails.js'

/** One fetch: a few full blocks, or many small ones. */
const FETCH_BLOCKS_MAX = 256
const FETCH_BYTES_MAX = 1024 * 1024

type Entries = [Buffer, Buffer][]
type Snapshot = ReturnType<Db['snapshot']>

/** LevelDB's iterator over blocks; it sees the log as it was when it was made. */
interface Fetch {
  readonly iterator: { nextv(size: number): Promise<Entries>; close(): Promise<void> }
  readonly snapshot: Snapshot
  /** The fetch under way: LevelDB reads ahead in its own thread while these records are used. */
  ahead: Promise<Entries>
}

export class BlockSource implements RecordSource {
  #fetch: Fetch | null = null
  #entries: Entries = []
  #entry = 0
  #records: readonly StoredRecord[] = []
  #record = 0

  constructor(
    readonly db: Db,
    readonly at: TopicPartition,
  ) {}

  async next(from: number, end: number, recordsMax: number): Promise<readonly StoredRecord[]> {
    const wanted = Math.min(recordsMax, end - from)
    let taken: StoredRecord[] | null = null
    for (;;) {
      if (this.#record >= this.#records.length) {
        const offset = from + (taken?.length ?? 0)
        // What is at hand goes out before anything is waited for.
        if (taken !== null && this.#entry >= this.#entries.length) return taken
        await this.#nextBlock(offset, end)
      }
      const missing = wanted - (taken?.length ?? 0)
      const records = this.#take(missing)
      if (taken === null) {
        if (records.length === wanted) return records
        taken = records
      } else {
        for (const record of records) taken.push(record)
        if (taken.length === wanted) return taken
      }
    }
  }

  async close(): Promise<void> {
    const fetch = this.#fetch
    this.#fetch = null
    if (fetch === null) return
    await fetch.ahead.catch(() => [])
    await fetch.iterator.close()
    await fetch.snapshot.close()
  }

  #take(wanted: number): StoredRecord[] {
    const from = this.#record
    this.#record = Math.min(this.#records.length, from + wanted)
    return this.#records.slice(from, this.#record)
  }

  /** Makes the block that holds `offset` the current one. */
  async #nextBlock(offset: number, end: number): Promise<void> {
    const [key, block] = await this.#nextEntry(offset, end)
    const baseOffset = baseOffsetOf(key)
    const records = decodeBlock(key, block, baseOffset)
    if (records === null) throw damaged(this.at, baseOffset, null, 'a checksum does not hold')
    if (baseOffset > offset) throw damaged(this.at, offset, baseOffset, 'records are missing')
    if (baseOffset + records.length <= offset) {
      throw damaged(this.at, offset, offset + 1, 'a block is shorter than the index says')
    }
    this.#records = records
    this.#record = offset - baseOffset
  }

  async #nextEntry(offset: number, end: number): Promise<[Buffer, Buffer]> {
    if (this.#entry >= this.#entries.length) {
      this.#entries = await this.#fetchEntries(offset, end)
      this.#entry = 0
    }
    const entry = this.#entries[this.#entry]
    if (entry === undefined) throw damaged(this.at, offset, end, 'records are missing')
    this.#entry += 1
    return entry
  }

  async #fetchEntries(offset: number, end: number): Promise<Entries> {
    try {
      let entries = this.#fetch ? await this.#fetch.ahead : []
      if (entries.length === 0) {
        // Either the first fetch, or the iterator is older than the records that are due.
        await this.close()
        const fetch = await this.#open(offset)
        this.#fetch = fetch
        entries = await fetch.ahead
      }
      const fetch = this.#fetch!
      if (entries.length > 0) {
        fetch.ahead = fetch.iterator.nextv(FETCH_BLOCKS_MAX)
        // A failure is met when this fetch is asked for; until then it must not be unhandled.
        fetch.ahead.catch(() => {})
      }
      return entries
    } catch (error) {
      throw readFailure(this.at, offset, end, error)
    }
  }

  async #open(offset: number): Promise<Fetch> {
    // One view for the index and the blocks: a merge between the two would move the borders.
    const snapshot = this.db.snapshot()
    const iterator = this.db.iterator({
      gte: keyAt('block', this.at, await this.#baseOf(offset, snapshot)),
      lt: keyAt('block', this.at, Number.MAX_SAFE_INTEGER),
      highWaterMarkBytes: FETCH_BYTES_MAX,
      snapshot,
    })
    return { iterator, snapshot, ahead: iterator.nextv(FETCH_BLOCKS_MAX) }
  }

  /** The base offset of the block that holds `offset`. */
  async #baseOf(offset: number, snapshot: Snapshot): Promise<number> {
    const keys = this.db.keys({
      gte: keyAt('index', this.at, 0),
      lt: keyAt('index', this.at, offset + 1),
      reverse: true,
      limit: 1,
      snapshot,
    })
    const [key] = await keys.all()
    return key === undefined ? offset : (parseIndexKey(key)?.baseOffset ?? offset)
  }
}

/** A range of offsets that was committed and cannot be read. `to` is exclusive; null: unknown. */
export function damaged(
  { topic, partition }: TopicPartition,
  from: number,
  to: number | null,
  what: string,
  cause?: unknown,
): TidemarkError {
  const range = to === null ? `offset ${from} on` : `offsets ${from} to ${to - 1}`
  return ioError('LOG_DAMAGED', `log of ${topic} partition ${partition}: ${range}: ${what}`, cause)
}

/** What a failure of LevelDB means to who reads these offsets; our own errors stay as they are. */
export function readFailure(
  at: TopicPartition,
  from: number,
  to: number,
  error: unknown,
): TidemarkError {
  if (error instanceof TidemarkError) return error
  const owner: FailureNames = {
    name: `log of ${at.topic} partition ${at.partition}`,
    damaged: (text, cause) => damaged(at, from, to, text, cause),
    failedCode: 'LOG_IO_FAILED',
  }
  return levelFailure(owner, error)
}

/**
 * Reads the blocks of one topic partition in order: each is fetched ahead, decoded once and handed
 * out in slices.
 */
import { TidemarkError, ioError } from '../errors.js'
import { levelFailure, type FailureNames } from '../state/level-store-db.js'
import { decodeBlock } from './embedded-block.js'
import { baseOffsetOf } from './embedded-keys.js'
import { isFull, type LogRows, Portions, type Rows } from './embedded-portions.js'
import type { StoredRecord } from './log.js'
import type { RecordSource } from './tail-reader.js'
import type { TopicPartition } from './tails.js'

/** The record in front of `end`; null where there is none. */
export async function lastRecord(
  rows: LogRows,
  at: TopicPartition,
  end: number,
): Promise<StoredRecord | null> {
  if (end === 0) return null
  const source = new BlockSource(rows, at)
  try {
    const [record] = await source.next(end - 1, end, 1)
    return record ?? null
  } finally {
    await source.close()
  }
}

export class BlockSource implements RecordSource {
  #portions: Portions | null = null
  /** The fetch under way: it is read in another thread while the records at hand are used. */
  #ahead: Promise<Rows> | null = null
  #entries: Rows = []
  #entry = 0
  #records: readonly StoredRecord[] = []
  #record = 0

  constructor(
    readonly rows: LogRows,
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
    await this.#ahead?.catch(() => [])
    this.#ahead = null
    this.#portions = null
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

  async #nextEntry(offset: number, end: number): Promise<Rows[number]> {
    if (this.#entry >= this.#entries.length) {
      this.#entries = await this.#fetchEntries(offset, end)
      this.#entry = 0
    }
    const entry = this.#entries[this.#entry]
    if (entry === undefined) throw damaged(this.at, offset, end, 'records are missing')
    this.#entry += 1
    return entry
  }

  async #fetchEntries(offset: number, end: number): Promise<Rows> {
    const ahead = this.#ahead
    this.#ahead = null
    try {
      let entries = ahead === null ? [] : await ahead
      if (entries.length === 0) {
        // Either the first fetch, or nothing more was there at the one before.
        this.#portions = new Portions(this.rows, 'block', this.at, offset)
        entries = await this.#portions.next()
      }
      // What is not full ended at the end of the log: to ask at once would find nothing.
      if (isFull(entries)) {
        this.#ahead = this.#portions!.next()
        // A failure is met when this fetch is asked for; until then it must not be unhandled.
        this.#ahead.catch(() => {})
      }
      return entries
    } catch (error) {
      throw readFailure(this.at, offset, end, error)
    }
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

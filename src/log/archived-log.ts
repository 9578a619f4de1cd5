/**
 * A log whose input is kept in an archive too: what the log has deleted is read there.
 *
 * Owns joining the two for one topic; everything else is the log's.
 *
 * H1 A reader sees each committed record once, in order, whether the log or the archive has it; where
 *    neither does, it fails with the range, and never passes it by.
 * H2 What the log still has is read from the log, what it has not from the archive: also what it
 *    deletes while it is read.
 */
import { configurationError, ioError, TidemarkError } from '../errors.js'
import type { Archive } from './archive.js'
import type { ArchiveCursor } from './archive-cursor.js'
import { ErasureIndex } from './erasure-index.js'
import type { EventLog, LogReader, Poll, StoredRecord, TimeBase, Transaction } from './log.js'

interface Scanned {
  readonly index: ErasureIndex
  endOffset: number
}

export class ArchivedLog implements EventLog {
  readonly #scanned = new Map<number, Scanned>()
  #scanning: Promise<unknown> = Promise.resolve()

  /**
   * Joins an archive to the log that it is of; `topic` is the log's input.
   *
   * @throws TidemarkError ARCHIVE_FOREIGN (78)
   */
  constructor(
    readonly live: EventLog,
    readonly topic: string,
    readonly archive: Archive,
  ) {
    archive.checkOwner({ logId: live.id, topic, partitions: live.partitions(topic) })
  }

  get id(): string {
    return this.live.id
  }

  get timeBase(): TimeBase {
    return this.live.timeBase
  }

  now(): number | null {
    return this.live.now()
  }

  partitions(topic: string): number {
    return this.live.partitions(topic)
  }

  /** @throws TidemarkError ARCHIVE_BEHIND (78) where offsets are in neither */
  async startOffset(topic: string, partition: number): Promise<number> {
    // The log first: what it deletes behind this answer may be in the archive only since then.
    const start = await this.live.startOffset(topic, partition)
    if (topic !== this.topic) return start
    const range = await this.archive.range(partition)
    if (range === null) return start
    if (range.to < start) throw behind(topic, partition, range.to, start)
    return Math.min(range.from, start)
  }

  endOffset(topic: string, partition: number): Promise<number> {
    return this.live.endOffset(topic, partition)
  }

  reader(topic: string, partition: number, fromOffset: number): LogReader {
    const live = this.live.reader(topic, partition, fromOffset)
    return topic === this.topic ? new ArchivedReader(this, partition, fromOffset, live) : live
  }

  async last(topic: string, partition: number): Promise<StoredRecord | null> {
    const last = await this.live.last(topic, partition)
    if (last !== null || topic !== this.topic) return last
    const range = await this.archive.range(partition)
    return range === null ? null : this.#lastArchived(partition, range.from)
  }

  async erasures(
    topic: string,
    partition: number,
    endOffset: number,
  ): Promise<Map<string, number>> {
    const live = await this.live.erasures(topic, partition, endOffset)
    if (topic !== this.topic) return live
    // That nothing is missing between the two.
    await this.startOffset(topic, partition)
    const turn = this.#scanning.then(() => this.#scan(partition))
    this.#scanning = turn.catch(() => undefined)
    const newest = (await turn).below(endOffset)
    for (const [key, offset] of live) newest.set(key, Math.max(offset, newest.get(key) ?? 0))
    return newest
  }

  begin(id: string): Transaction {
    return this.live.begin(id)
  }

  fence(id: string): Promise<void> {
    return this.live.fence(id)
  }

  close(): Promise<void> {
    return this.live.close()
  }

  async #lastArchived(partition: number, from: number): Promise<StoredRecord | null> {
    let last: StoredRecord | null = null
    const cursor = this.archive.cursor(partition, from, ({ records }) => records === 0)
    try {
      for (let block = await cursor.next(); block !== null; block = await cursor.next()) {
        last = block.records.at(-1) ?? last
      }
    } finally {
      await cursor.close()
    }
    return last
  }

  /** What was read once is not read again. */
  async #scan(partition: number): Promise<ErasureIndex> {
    const range = await this.archive.range(partition)
    const fresh = { index: new ErasureIndex(), endOffset: range?.from ?? 0 }
    const scanned = this.#scanned.get(partition) ?? fresh
    this.#scanned.set(partition, scanned)
    const cursor = this.archive.cursor(
      partition,
      scanned.endOffset,
      ({ erasures }) => erasures === 0,
    )
    try {
      for (let block = await cursor.next(); block !== null; block = await cursor.next()) {
        for (const { key, value, offset } of block.records) {
          if (value === null) scanned.index.add(key, offset)
        }
        scanned.endOffset = cursor.nextOffset
      }
    } finally {
      await cursor.close()
    }
    return scanned.index
  }
}

class ArchivedReader implements LogReader {
  /** null: what is due now is read from the archive. */
  #live: LogReader | null
  #past: ArchiveCursor | null = null
  #block: readonly StoredRecord[] = []
  #next = 0
  #polling: Promise<Poll> | null = null
  #closed = false

  constructor(
    readonly log: ArchivedLog,
    readonly partition: number,
    readonly fromOffset: number,
    live: LogReader,
  ) {
    this.#live = live
  }

  get nextOffset(): number {
    if (this.#live !== null) return this.#live.nextOffset
    if (this.#next < this.#block.length) return this.#block[this.#next].offset
    return this.#past?.nextOffset ?? this.fromOffset
  }

  async poll(recordsMax: number, waitMs: number): Promise<Poll> {
    if (this.#closed) {
      const text = `${this.log.topic} partition ${this.partition}: the reader has been closed`
      throw ioError('LOG_CLOSED', text)
    }
    this.#polling = this.#poll(recordsMax, waitMs)
    try {
      return await this.#polling
    } finally {
      this.#polling = null
    }
  }

  async #poll(recordsMax: number, waitMs: number): Promise<Poll> {
    if (this.#live !== null) {
      try {
        return await this.#live.poll(recordsMax, waitMs)
      } catch (error) {
        if (!isLost(error)) throw error
        await this.#goBack(error)
      }
    }
    const records = this.#take(recordsMax)
    if (records.length > 0) return { records, caughtUpAt: null, atEnd: false }
    const block = await this.#past!.next()
    if (block === null) {
      await this.#goOn()
      return this.#poll(recordsMax, waitMs)
    }
    this.#block = block.records
    this.#next = 0
    return { records: this.#take(recordsMax), caughtUpAt: null, atEnd: false }
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    // First, for a poll of it that waits may end; one of the archive's ends by itself.
    await this.#live?.close()
    await this.#polling?.catch(() => undefined)
    await this.#live?.close()
    await this.#past?.close()
  }

  #take(recordsMax: number): readonly StoredRecord[] {
    const taken = this.#block.slice(this.#next, this.#next + recordsMax)
    this.#next += taken.length
    return taken
  }

  /** The log has deleted what is due: it must be in the archive. */
  async #goBack(lost: unknown): Promise<void> {
    const { topic, archive, live } = this.log
    const next = this.#live!.nextOffset
    const start = await live.startOffset(topic, this.partition)
    // Beyond the end of the log: that is another log than the one which told the offset.
    if (next >= start) throw lost
    const range = await archive.range(this.partition)
    if (range === null || next < range.from || next >= range.to) {
      throw behind(topic, this.partition, next, start, lost)
    }
    await this.#live!.close()
    this.#live = null
    this.#past = archive.cursor(this.partition, next)
  }

  /** The archive has nothing more for now: the log must go on where it ends. */
  async #goOn(): Promise<void> {
    const next = this.#past!.nextOffset
    await this.#past!.close()
    this.#past = null
    this.#block = []
    this.#next = 0
    this.#live = this.log.live.reader(this.log.topic, this.partition, next)
  }
}

function isLost(error: unknown): boolean {
  return error instanceof TidemarkError && error.code === 'LOG_RANGE_LOST'
}

/** Offsets that neither has; `to` is exclusive. */
export function behind(
  topic: string,
  partition: number,
  from: number,
  to: number,
  cause?: unknown,
): TidemarkError {
  const text = `${topic} partition ${partition}: offsets ${from} to ${to - 1} are deleted`
  return configurationError('ARCHIVE_BEHIND', `${text}, and not in the archive`, cause)
}

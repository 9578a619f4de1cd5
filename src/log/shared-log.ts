/**
 * The embedded log of another process, read through its local socket.
 *
 * Rows come as they lie in the database: seals, gaps and indexes are checked here, by the code that
 * reads a log of one's own, and damage is named in the same words.
 *
 * R1 It reads only, but for `takeOver`. `begin` and `fence` are faults of the program.
 * R2 Nothing is claimed that the owner did not: a poll is caught up by the owner's own instant.
 */
import { BlockSource, lastRecord } from './embedded-cursor.js'
import { newestErasures } from './embedded-erasures.js'
import { allRows, type LogRows, type RowKind, type Rows } from './embedded-portions.js'
import type { EventLog, LogReader, StoredRecord, TimeBase, Transaction } from './log.js'
import { SharedConnection } from './shared-connection.js'
import { SharedReader } from './shared-reader.js'
import {
  historyIn,
  request,
  rowsIn,
  type StoredChange,
  type StoredHistory,
  tailIn,
} from './shared-wire.js'
import type { TailView, TopicPartition } from './tails.js'
import { LogClock } from './time-base.js'

export class SharedLog implements EventLog {
  readonly id: string
  readonly #clock: LogClock
  readonly #partitions: number
  readonly #rows: LogRows
  readonly #readers = new Set<SharedReader>()

  private constructor(private readonly connection: SharedConnection) {
    const { id, timeBase, partitions, now } = connection.welcome
    this.id = id
    this.#partitions = partitions
    this.#clock = new LogClock(timeBase, Date.now)
    if (now !== null) this.#clock.resumeAt(now)
    this.#rows = new SharedRows(connection)
  }

  /**
   * The log whose owner listens at `path`; null where nobody does. Raises what
   * `SharedConnection.open` raises; so does every call later, when the owner has gone.
   *
   * @example const log = await SharedLog.open('data/owner.sock')
   */
  static async open(path: string): Promise<SharedLog | null> {
    const connection = await SharedConnection.open(path)
    return connection && new SharedLog(connection)
  }

  get timeBase(): TimeBase {
    return this.#clock.timeBase
  }

  now(): number | null {
    return this.#clock.now()
  }

  partitions(_topic: string): number {
    return this.#partitions
  }

  async startOffset(_topic: string, _partition: number): Promise<number> {
    return 0
  }

  async endOffset(topic: string, partition: number): Promise<number> {
    return (await this.#settled({ topic, partition })).end
  }

  reader(topic: string, partition: number, fromOffset: number): LogReader {
    const at = { topic, partition }
    const source = new BlockSource(this.#rows, at)
    const tail = () => this.#tail(at)
    const forget = (reader: SharedReader) => this.#readers.delete(reader)
    const reader = new SharedReader(at, tail, source, fromOffset, forget)
    this.#readers.add(reader)
    return reader
  }

  async last(topic: string, partition: number): Promise<StoredRecord | null> {
    const end = await this.endOffset(topic, partition)
    return lastRecord(this.#rows, { topic, partition }, end)
  }

  async erasures(
    topic: string,
    partition: number,
    endOffset: number,
  ): Promise<Map<string, number>> {
    const at = { topic, partition }
    const { erasures } = await this.#settled(at)
    const rows = await allRows(this.#rows, 'erasure', at)
    return newestErasures(rows, at, erasures, endOffset)
  }

  /**
   * What the owner's snapshots have of a customer, all of it; null: they know none.
   *
   * @throws TidemarkError OWNER_NOT_READY (75) where the owner has no snapshots open
   */
  async history(customer: string): Promise<StoredHistory | null> {
    const at = { topic: customer, partition: 0 }
    const changes: StoredChange[] = []
    for (let offset = 0; ;) {
      const body = await this.connection.ask({ kind: request.history, at, offset })
      const portion = historyIn(body)
      if (portion === null) return null
      changes.push(...portion.changes)
      const last = portion.changes.at(-1)
      if (last === undefined) return { row: portion.row, changes }
      offset = last.commit
    }
  }

  /** Asks the owner to let a generation take over; resolves when the one before has ended. */
  async takeOver(generation: number): Promise<void> {
    const at = { topic: '', partition: 0 }
    await this.connection.ask({ kind: request.takeOver, at, offset: generation })
  }

  begin(_id: string): Transaction {
    throw new Error('a shared log is read only: begin')
  }

  async fence(_id: string): Promise<void> {
    throw new Error('a shared log is read only: fence')
  }

  async close(): Promise<void> {
    await Promise.all([...this.#readers].map((reader) => reader.close()))
    this.connection.close()
  }

  async #tail(at: TopicPartition): Promise<TailView> {
    return tailIn(await this.connection.ask({ kind: request.tail, at, offset: 0 }))
  }

  async #settled(at: TopicPartition): Promise<TailView> {
    return tailIn(await this.connection.ask({ kind: request.settled, at, offset: 0 }))
  }
}

class SharedRows implements LogRows {
  constructor(private readonly connection: SharedConnection) {}

  async rows(kind: RowKind, at: TopicPartition, offset: number): Promise<Rows> {
    const asked = kind === 'block' ? request.blocks : request.erasures
    return rowsIn(await this.connection.ask({ kind: asked, at, offset }))
  }
}

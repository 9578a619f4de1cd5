/**
 * The event log without a server: one LevelDB, in which a synced batch is the transaction.
 *
 * Puts the parts together: opening is in `embedded-open.ts` and `embedded-check.ts`, writing in
 * `embedded-writer.ts`, reading in `embedded-cursor.ts`, the layout in `embedded-keys.ts`,
 * `embedded-rows.ts` and `embedded-block.ts`.
 *
 * What is damaged is reported with topic, partition and offsets, and never skipped.
 */
import { TidemarkError, configurationError, ioError } from '../errors.js'
import { levelFailure, type Db } from '../state/level-store-db.js'
import { ReadGate } from '../state/read-gate.js'
import { checkedTails } from './embedded-check.js'
import { BlockSource, lastRecord, readFailure } from './embedded-cursor.js'
import { BlockDraft } from './embedded-draft.js'
import { newestErasures } from './embedded-erasures.js'
import {
  assertComplete,
  confirmClosed,
  hasDatabase,
  logOwner,
  openLogDb,
  openMeta,
  readMarker,
  type EmbeddedLogOptions,
} from './embedded-open.js'
import { PointReader } from './embedded-point.js'
import { allRows, DbRows, type LogRows, type RowKind, type Rows } from './embedded-portions.js'
import { type MetaRow, type PartitionRow, writesOf } from './embedded-rows.js'
import { EmbeddedWriter } from './embedded-writer.js'
import type { EventLog, LogReader, StoredRecord, TimeBase, Transaction } from './log.js'
import { TailReader } from './tail-reader.js'
import { Tails, type TailView, type TopicPartition } from './tails.js'
import { LogClock } from './time-base.js'
import { LogTransaction, Writers } from './transaction.js'

export class EmbeddedLog implements EventLog {
  readonly id: string
  readonly #db: Db
  readonly #points: PointReader
  readonly #source: LogRows
  readonly #clock: LogClock
  readonly #tails: Tails
  readonly #rows: ReadonlyMap<number, PartitionRow>
  readonly #writer: EmbeddedWriter
  readonly #writers = new Writers()
  readonly #readers = new Set<TailReader>()
  #closed = false

  private constructor(
    db: Db,
    meta: MetaRow,
    tails: Tails,
    rows: Map<number, PartitionRow>,
    wallMs: () => number,
  ) {
    this.#db = db
    const gate = new ReadGate()
    this.#points = new PointReader(db, gate)
    this.#source = new DbRows(db, gate)
    this.id = meta.id
    this.#clock = new LogClock(meta.timeBase, wallMs)
    this.#tails = tails
    this.#rows = rows
    this.#writer = new EmbeddedWriter(db, gate, rows)
  }

  /**
   * Opens the log in `directory`, or creates it.
   *
   * @throws TidemarkError LOG_DAMAGED (74), LOG_MISSING, PARTITIONS_MISMATCH, TIME_BASE_MISMATCH,
   *   DIRECTORY_LOCKED (78)
   * @example
   * const log = await EmbeddedLog.open('data/log', { partitions: 4, timeBase: { kind: 'none' } })
   */
  static async open(directory: string, options: EmbeddedLogOptions = {}): Promise<EmbeddedLog> {
    const marker = await readMarker(directory)
    if (marker === null && options.mustExist && !(await hasDatabase(directory))) {
      throw configurationError('LOG_MISSING', `there is no event log in ${directory}`)
    }
    const db = await openLogDb(directory)
    try {
      const meta = await openMeta(db, directory, marker, options)
      const tails = new Tails(meta.partitions)
      const rows = await checkedTails(db, tails)
      assertComplete(directory, marker, writesOf(rows))
      return new EmbeddedLog(db, meta, tails, rows, options.clock ?? Date.now)
    } catch (error) {
      await db.close()
      throw error instanceof TidemarkError ? error : levelFailure(logOwner(directory), error)
    }
  }

  get timeBase(): TimeBase {
    return this.#clock.timeBase
  }

  now(): number | null {
    return this.#clock.now()
  }

  /** Lets a virtual clock go on from `instant`, the largest committed asOf; it never goes back. */
  resumeAt(instant: number): void {
    this.#clock.resumeAt(instant)
  }

  partitions(_topic: string): number {
    return this.#tails.partitionCount
  }

  async startOffset(_topic: string, _partition: number): Promise<number> {
    return 0
  }

  /** Also waits for commits that were under way when it was asked: recovery must see their fate. */
  async endOffset(topic: string, partition: number): Promise<number> {
    await this.#writer.settled()
    return this.#tails.of(topic, partition).end
  }

  reader(topic: string, partition: number, fromOffset: number): LogReader {
    this.#assertOpen('reader')
    const tail = this.#tails.of(topic, partition)
    const source = new BlockSource(this.#source, tail)
    const forget = (reader: TailReader) => this.#readers.delete(reader)
    const reader = new TailReader(tail, this.#clock, source, fromOffset, forget)
    this.#readers.add(reader)
    return reader
  }

  async recordsAt(
    topic: string,
    partition: number,
    offsets: readonly number[],
  ): Promise<readonly StoredRecord[]> {
    this.#assertOpen('recordsAt')
    return this.#points.recordsAt({ topic, partition }, offsets)
  }

  async last(topic: string, partition: number): Promise<StoredRecord | null> {
    const end = await this.endOffset(topic, partition)
    return lastRecord(this.#source, { topic, partition }, end)
  }

  async erasures(
    topic: string,
    partition: number,
    endOffset: number,
  ): Promise<Map<string, number>> {
    await this.#writer.settled()
    const at = { topic, partition }
    const due = this.#erasuresDue(at)
    return newestErasures(await this.#erasureRows(at), at, due, endOffset)
  }

  #erasuresDue({ topic, partition }: TopicPartition): number {
    return this.#rows.get(partition)?.erasures[topic] ?? 0
  }

  async #erasureRows(at: TopicPartition): Promise<Rows> {
    try {
      return await allRows(this.#source, 'erasure', at)
    } catch (error) {
      throw readFailure(at, 0, this.#tails.of(at.topic, at.partition).end, error)
    }
  }

  /** What a reader in another process needs of a tail, all of one instant. */
  tail(topic: string, partition: number): TailView {
    // The instant first, then the end: what is appended in between must not be claimed as seen.
    const instant = this.#clock.now()
    const { end, unsettled } = this.#tails.of(topic, partition)
    const erasures = this.#erasuresDue({ topic, partition })
    return { instant, end, isSettled: unsettled === 0, erasures }
  }

  /** One portion of rows as they lie, from `offset` on: who reads in another process checks them. */
  async rows(kind: RowKind, at: TopicPartition, offset: number): Promise<Rows> {
    this.#assertOpen('rows')
    try {
      return await this.#source.rows(kind, at, offset)
    } catch (error) {
      throw readFailure(at, offset, this.#tails.of(at.topic, at.partition).end, error)
    }
  }

  /** The topic partitions that hold records, for tools. */
  topicsPresent(): readonly (TopicPartition & { readonly end: number })[] {
    return this.#tails.present()
  }

  begin(id: string): Transaction {
    this.#assertOpen('begin')
    const draft = new BlockDraft(this.#writer)
    return this.#writers.begin(new LogTransaction(id, this.#clock, this.#tails, draft))
  }

  async fence(id: string): Promise<void> {
    this.#writers.fence(id)
    await this.#writer.settled()
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    this.#writers.fenceAll()
    await this.#writer.finished()
    await Promise.all([...this.#readers].map((reader) => reader.close()))
    await this.#db.close()
    await confirmClosed(this.#db.location, this.id, writesOf(this.#rows))
  }

  #assertOpen(step: string): void {
    if (this.#closed) throw ioError('LOG_CLOSED', `${step}: the log has been closed`)
  }
}

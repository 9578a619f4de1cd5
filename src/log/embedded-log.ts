/**
 * The event log without a server: one LevelDB, in which a synced batch is the transaction.
 *
 * Owns the directory, the log's identity and its time base. Writing is in `embedded-writer.ts`,
 * reading in `embedded-cursor.ts`, the layout in `embedded-keys.ts` and `embedded-block.ts`.
 *
 * E1 A partition count and a time base are for ever: opening with others is refused.
 * E2 A log that was there and opens as new is damage: its id is kept in a file beside it as well.
 * E3 What is damaged is reported with topic, partition and offsets, and never skipped.
 */
import { randomUUID } from 'node:crypto'
import { ClassicLevel } from 'classic-level'
import { TidemarkError, configurationError, exitCode, ioError } from '../errors.js'
import { unsealed } from '../state/checksum.js'
import { decodeBlock } from './embedded-block.js'
import { checkedTails } from './embedded-check.js'
import { BlockSource, damaged } from './embedded-cursor.js'
import { META_KEY, baseOffsetOf, keyAt } from './embedded-keys.js'
import { readMarker, writeMarker } from './embedded-marker.js'
import { decodeRow, encodeRow, type MetaRow, type PartitionRow } from './embedded-rows.js'
import { BlockDraft, EmbeddedWriter, type Db } from './embedded-writer.js'
import type { EventLog, LogReader, StoredRecord, TimeBase, Transaction } from './log.js'
import { TailReader } from './tail-reader.js'
import { Tails, type TopicPartition } from './tails.js'
import { LogClock, describeTimeBase, sameTimeBase } from './time-base.js'
import { LogTransaction, Writers } from './transaction.js'

export interface EmbeddedLogOptions {
  /** At creation the count of every topic; later it must agree if given. @default 1 */
  readonly partitions?: number
  /** At creation the base for ever; later it must agree if given. @default wall */
  readonly timeBase?: TimeBase
  /** Refuse to create a log where there is none, for commands that only read. @default false */
  readonly mustExist?: boolean
  /** Reads the wall clock, ms UTC. @default Date.now */
  readonly clock?: () => number
}

export class EmbeddedLog implements EventLog {
  readonly id: string
  readonly #db: Db
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
    this.id = meta.id
    this.#clock = new LogClock(meta.timeBase, wallMs)
    this.#tails = tails
    this.#rows = rows
    this.#writer = new EmbeddedWriter(db, rows)
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
    if (marker === null && options.mustExist) {
      throw configurationError('LOG_MISSING', `there is no event log in ${directory}`)
    }
    const db = await openDb(directory)
    try {
      const meta = await openMeta(db, directory, marker, options)
      const tails = new Tails(meta.partitions)
      const rows = await checkedTails(db, tails)
      return new EmbeddedLog(db, meta, tails, rows, options.clock ?? Date.now)
    } catch (error) {
      await db.close()
      throw error
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
    await this.#writer.idle()
    return this.#tails.of(topic, partition).end
  }

  reader(topic: string, partition: number, fromOffset: number): LogReader {
    this.#assertOpen('reader')
    const tail = this.#tails.of(topic, partition)
    const source = new BlockSource(this.#db, tail)
    const forget = (reader: TailReader) => this.#readers.delete(reader)
    const reader = new TailReader(tail, this.#clock, source, fromOffset, forget)
    this.#readers.add(reader)
    return reader
  }

  async last(topic: string, partition: number): Promise<StoredRecord | null> {
    const end = await this.endOffset(topic, partition)
    if (end === 0) return null
    const source = new BlockSource(this.#db, { topic, partition })
    try {
      const [record] = await source.next(end - 1, end, 1)
      return record ?? null
    } finally {
      await source.close()
    }
  }

  async erasures(
    topic: string,
    partition: number,
    endOffset: number,
  ): Promise<Map<string, number>> {
    await this.#writer.idle()
    const at = { topic, partition }
    // The count and the iterator's view of the log are taken in one turn, with no write under way.
    const due = this.#rows.get(partition)?.erasures[topic] ?? 0
    const rows = this.#db.iterator({
      gte: keyAt('erasure', at, 0),
      lt: keyAt('erasure', at, Number.MAX_SAFE_INTEGER),
    })
    const newest = new Map<string, number>()
    let count = 0
    for await (const [key, value] of rows) {
      const offset = baseOffsetOf(key)
      const erased = unsealed(key, value)
      if (erased === null) throw damaged(at, offset, offset + 1, 'its erasure row is damaged')
      if (offset < endOffset) newest.set(Buffer.from(erased).toString('utf8'), offset)
      count += 1
    }
    // An erasure that was lost would bring an erased customer back: count them.
    if (count !== due) throw damaged(at, 0, null, `${due} erasures are due, ${count} are there`)
    return newest
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

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    this.#writers.fenceAll()
    await this.#writer.idle()
    await Promise.all([...this.#readers].map((reader) => reader.close()))
    await this.#db.close()
  }

  #assertOpen(step: string): void {
    if (this.#closed) throw ioError('LOG_CLOSED', `${step}: the log has been closed`)
  }
}

/**
 * 16 MB of write buffer: fewer, larger tables while a log is loaded, and at most 16 MB to read when
 * it is opened after a crash.
 */
async function openDb(directory: string): Promise<Db> {
  const db: Db = new ClassicLevel(directory, {
    keyEncoding: 'buffer',
    valueEncoding: 'buffer',
    writeBufferSize: 16 * 1024 * 1024,
  })
  try {
    await db.open()
    return db
  } catch (error) {
    const cause = (error as { cause?: { code?: string } }).cause
    if (cause?.code === 'LEVEL_LOCKED') {
      throw configurationError(
        'DIRECTORY_LOCKED',
        `the event log ${directory} is open in another process`,
        error,
      )
    }
    throw ioError('LOG_DAMAGED', `LevelDB cannot open the event log ${directory}`, error)
  }
}

async function openMeta(
  db: Db,
  directory: string,
  marker: string | null,
  options: EmbeddedLogOptions,
): Promise<MetaRow> {
  const bytes = await db.get(META_KEY)
  if (bytes === undefined) {
    if (marker !== null) {
      throw ioError('LOG_DAMAGED', `the event log ${directory} was there and opens as new`)
    }
    return createMeta(db, directory, options)
  }
  const meta = decodeRow<MetaRow>(META_KEY, bytes)
  if (meta === null) throw ioError('LOG_DAMAGED', `the first row of ${directory} is damaged`)
  if (marker === null) await writeMarker(directory, meta.id)
  else if (marker !== meta.id) {
    throw ioError('LOG_DAMAGED', `${directory} holds log ${meta.id}; ${marker} was there before`)
  }
  assertAgrees(meta, options)
  return meta
}

async function createMeta(
  db: Db,
  directory: string,
  options: EmbeddedLogOptions,
): Promise<MetaRow> {
  const meta: MetaRow = {
    format: 1,
    id: randomUUID(),
    partitions: options.partitions ?? 1,
    timeBase: options.timeBase ?? { kind: 'wall' },
  }
  await db.put(META_KEY, encodeRow(META_KEY, meta), { sync: true })
  // The marker comes second: without it the row is believed, without the row it is damage.
  await writeMarker(directory, meta.id)
  return meta
}

function assertAgrees(meta: MetaRow, { partitions, timeBase }: EmbeddedLogOptions): void {
  if (partitions !== undefined && partitions !== meta.partitions) {
    throw configurationError(
      'PARTITIONS_MISMATCH',
      `the event log has ${meta.partitions} partitions for ever; ${partitions} were asked for`,
    )
  }
  if (timeBase !== undefined && !sameTimeBase(timeBase, meta.timeBase)) {
    throw configurationError(
      'TIME_BASE_MISMATCH',
      `the event log's time base is ${describeTimeBase(meta.timeBase)} for ever; ` +
        `${describeTimeBase(timeBase)} was asked for`,
    )
  }
}

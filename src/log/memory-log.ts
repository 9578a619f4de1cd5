/**
 * The event log in memory: the port's semantics without a disk, for tests and the simulation.
 *
 * It can crash. `crash()` gives the log as a new process would find it: what was committed, nothing
 * else. `beforeDurable` and `beforeReply` let a simulation decide when a commit becomes durable,
 * that it fails, or that its reply gets lost.
 */
import { randomUUID } from 'node:crypto'
import { exitCode, ioError, TidemarkError } from '../errors.js'
import { ErasureIndex } from './erasure-index.js'
import type { EventLog, LogReader, LogRecord, StoredRecord, TimeBase, Transaction } from './log.js'
import { TailReader } from './tail-reader.js'
import { Tails, type Tail, type TopicPartition } from './tails.js'
import { LogClock } from './time-base.js'
import { LogTransaction, Writers, type Draft } from './transaction.js'

export interface MemoryLogOptions {
  /** Of a log that this one stands for. @default a new one */
  readonly id?: string
  /** @default 1 */
  readonly partitions?: number
  /** @default wall */
  readonly timeBase?: TimeBase
  /** Reads the wall clock, ms UTC. */
  readonly clock?: () => number
  /** Leaves an offset unused behind each commit, as Kafka's mark of its end does. @default false */
  readonly gaps?: boolean
  /** Awaited before a commit becomes durable; a throw makes the commit fail with it, without effect. */
  readonly beforeDurable?: (id: string) => Promise<void>
  /** Awaited when it is durable; a throw means that the writer never hears of it: `COMMIT_UNKNOWN`. */
  readonly beforeReply?: (id: string) => Promise<void>
}

/** What is durable of one topic partition. */
interface Partition {
  readonly records: StoredRecord[]
  /** The offset of the next record. */
  next: number
  readonly erased: ErasureIndex
}

type Drafted = Map<Tail, LogRecord[]>
type Apply = (drafted: Drafted, settle: () => void) => Promise<ReadonlyMap<Tail, number>>

export class MemoryLog implements EventLog {
  readonly id: string
  readonly #options: MemoryLogOptions
  readonly #clock: LogClock
  readonly #tails: Tails
  readonly #partitions: Map<string, Partition>
  readonly #readers = new Set<TailReader>()
  readonly #writers = new Writers()
  #underWay: Promise<void> = Promise.resolve()
  #closed = false

  constructor(options: MemoryLogOptions = {}, survived?: MemoryLog) {
    this.#options = options
    this.id = survived?.id ?? options.id ?? randomUUID()
    this.#clock = new LogClock(options.timeBase ?? { kind: 'wall' }, options.clock ?? Date.now)
    this.#tails = new Tails(options.partitions ?? 1)
    this.#partitions = survived ? survived.#partitions : new Map<string, Partition>()
    for (const { topic, partition, end } of survived?.topicsPresent() ?? []) {
      this.#tails.of(topic, partition).advance(end)
    }
  }

  get timeBase(): TimeBase {
    return this.#clock.timeBase
  }

  now(): number | null {
    return this.#clock.now()
  }

  /** See `LogClock.resumeAt`. */
  resumeAt(instant: number): void {
    this.#clock.resumeAt(instant)
  }

  partitions(_topic: string): number {
    return this.#tails.partitionCount
  }

  async startOffset(_topic: string, _partition: number): Promise<number> {
    return 0
  }

  async endOffset(topic: string, partition: number): Promise<number> {
    await this.#underWay
    return this.#tails.of(topic, partition).end
  }

  reader(topic: string, partition: number, fromOffset: number): LogReader {
    const tail = this.#tails.of(topic, partition)
    const source = {
      next: async (from: number, end: number, recordsMax: number) => {
        const { records } = this.#of(tail)
        const first = indexOf(records, from)
        return records.slice(first, Math.min(indexOf(records, end), first + recordsMax))
      },
      close: async () => {},
    }
    const forget = (reader: TailReader) => this.#readers.delete(reader)
    const reader = new TailReader(tail, this.#clock, source, fromOffset, forget)
    this.#readers.add(reader)
    return reader
  }

  async last(topic: string, partition: number): Promise<StoredRecord | null> {
    await this.#underWay
    return this.#of(this.#tails.of(topic, partition)).records.at(-1) ?? null
  }

  async erasures(
    topic: string,
    partition: number,
    endOffset: number,
  ): Promise<Map<string, number>> {
    return this.#of(this.#tails.of(topic, partition)).erased.below(endOffset)
  }

  /** The topic partitions that hold records. */
  topicsPresent(): readonly (TopicPartition & { readonly end: number })[] {
    return this.#tails.present()
  }

  begin(id: string): Transaction {
    if (this.#closed) throw ioError('LOG_CLOSED', `begin ${id}: the log has been closed`)
    const draft = new MemoryDraft((drafted, settle) => this.#commit(id, drafted, settle))
    return this.#writers.begin(new LogTransaction(id, this.#clock, this.#tails, draft))
  }

  async fence(id: string): Promise<void> {
    this.#writers.fence(id)
    await this.#underWay
  }

  async close(): Promise<void> {
    this.#writers.fenceAll()
    await this.#underWay
    this.#closed = true
    await Promise.all([...this.#readers].map((reader) => reader.close()))
  }

  /**
   * The end of this process: its readers and writers are dead, what was committed is not. Returns
   * the log as the next process opens it, with other options if given.
   */
  crash(options: MemoryLogOptions = {}): MemoryLog {
    this.#closed = true
    this.#writers.fenceAll()
    for (const reader of this.#readers) void reader.close()
    return new MemoryLog({ ...this.#options, timeBase: this.timeBase, ...options }, this)
  }

  async #commit(id: string, drafted: Drafted, settle: () => void) {
    const turn = this.#underWay.then(() => this.#apply(id, drafted, settle))
    this.#underWay = turn.then(
      () => undefined,
      () => undefined,
    )
    const ends = await turn
    await this.#options.beforeReply?.(id).catch((cause: unknown) => {
      const text = `commit of ${id}: the reply is lost (${String(cause)})`
      throw new TidemarkError('COMMIT_UNKNOWN', text, { exit: exitCode.io, retry: 'now', cause })
    })
    return ends
  }

  async #apply(
    id: string,
    drafted: Drafted,
    settle: () => void,
  ): Promise<ReadonlyMap<Tail, number>> {
    await this.#options.beforeDurable?.(id)
    // A commit that a crash overtook has not happened.
    if (this.#closed) throw ioError('LOG_CLOSED', `commit of ${id}: the log has been closed`)
    settle()
    const ends = new Map<Tail, number>()
    for (const [tail, records] of drafted) {
      const partition = this.#of(tail)
      for (const record of records) {
        const offset = partition.next++
        partition.records.push({ ...record, offset })
        if (record.value === null) partition.erased.add(record.key, offset)
      }
      ends.set(tail, partition.next)
      tail.advance(partition.next)
      if (this.#options.gaps) partition.next += 1
    }
    return ends
  }

  #of(tail: Tail): Partition {
    const name = `${tail.topic}/${tail.partition}`
    let partition = this.#partitions.get(name)
    if (partition === undefined) {
      partition = { records: [], next: 0, erased: new ErasureIndex() }
      this.#partitions.set(name, partition)
    }
    return partition
  }
}

class MemoryDraft implements Draft {
  readonly #drafted: Drafted = new Map()

  constructor(readonly apply: Apply) {}

  add(tail: Tail, record: LogRecord): number {
    const copy = copyOf(record)
    const records = this.#drafted.get(tail)
    if (records === undefined) this.#drafted.set(tail, [copy])
    else records.push(copy)
    return (copy.key?.length ?? 0) + (copy.value?.length ?? 0)
  }

  commit(settle: () => void): Promise<ReadonlyMap<Tail, number>> {
    return this.apply(this.#drafted, settle)
  }

  discard(): void {
    this.#drafted.clear()
  }
}

/** The place of the first record at or behind an offset. */
function indexOf(records: readonly StoredRecord[], offset: number): number {
  // Without gaps that is the offset itself, and with them it is not behind it.
  let [low, high] = [0, Math.min(offset, records.length)]
  while (low < high) {
    const middle = (low + high) >>> 1
    if (records[middle].offset < offset) low = middle + 1
    else high = middle
  }
  return low
}

function copyOf({ key, value, timestamp, headers }: LogRecord): LogRecord {
  return {
    key: key && Buffer.from(key),
    value: value && Buffer.from(value),
    timestamp,
    headers: headers && headers.map(([name, bytes]) => [name, Buffer.from(bytes)] as const),
  }
}

/**
 * The event log on Kafka: its topics are the cluster's, its transactions the brokers'.
 *
 * Puts the parts together: where things are is in `kafka-cluster.ts`, writing in `kafka-writer.ts`,
 * reading in `kafka-reader.ts`, ends and proofs in `kafka-ends.ts`, the bytes of records in
 * `kafka-batch-builder.ts` and `kafka-batch-reader.ts`.
 *
 * A commit is durable when the coordinator has it; the brokers of its partitions write its mark a
 * moment later. This process waits for that when it reads what it committed (L2); to another one it
 * appears when the mark is there.
 *
 * The identity of the log is the topic id of its input: a topic that is created anew under the same
 * name is another log.
 */
import { configurationError, ioError } from '../errors.js'
import { BatchBuilders } from './kafka-batch-builder.js'
import { KafkaCluster } from './kafka-cluster.js'
import { KafkaDraft } from './kafka-draft.js'
import { KafkaEnds } from './kafka-ends.js'
import { kafkaFailure } from './kafka-errors.js'
import { groupMembers } from './kafka-group-members.js'
import { KafkaGroup, type KafkaGroupOptions } from './kafka-group.js'
import type { ConnectOptions } from './kafka-lane.js'
import { KafkaReader, type KafkaReaderOptions } from './kafka-reader.js'
import { KafkaScan } from './kafka-scan.js'
import { checkTopics } from './kafka-topics.js'
import { KafkaWriter } from './kafka-writer.js'
import type { EventLog, LogReader, StoredRecord, TimeBase, Transaction } from './log.js'
import type { Group } from './membership.js'
import { Tails, type Tail } from './tails.js'
import { LogClock } from './time-base.js'
import { LogTransaction, Writers } from './transaction.js'

export interface KafkaLogOptions extends ConnectOptions {
  /** The log's topics, all with one number of partitions; the first one is its input. */
  readonly topics: readonly string[]
  /** @default wall */
  readonly timeBase?: TimeBase
  /** Reads the wall clock, ms UTC. @default Date.now */
  readonly clock?: () => number
  /** After which a broker aborts a transaction that has not ended. @default 10_000 */
  readonly transactionMs?: number
  /** How long the brokers may be away before a call fails. @default 30_000 */
  readonly patienceMs?: number
  /** At most one proof of being caught up in this time. @default 1_000 */
  readonly proveEveryMs?: number
  /** How long a broker waits for records before it answers. @default 250 */
  readonly fetchWaitMs?: number
  /** How much of a partition one answer holds; a reader holds two. @default 1 MiB */
  readonly fetchBytesMax?: number
}

export class KafkaLog implements EventLog {
  readonly id: string
  readonly #cluster: KafkaCluster
  readonly #clock: LogClock
  readonly #tails: Tails
  readonly #ends: KafkaEnds
  readonly #scan: KafkaScan
  readonly #input: string
  readonly #transactionMs: number
  readonly #reading: KafkaReaderOptions
  readonly #writers = new Writers()
  readonly #builders = new BatchBuilders()
  readonly #producers = new Map<string, KafkaWriter>()
  readonly #readers = new Set<KafkaReader>()
  /** Commits that are under way. */
  readonly #committing = new Set<Promise<unknown>>()
  #closed = false

  private constructor(cluster: KafkaCluster, clock: LogClock, options: KafkaLogOptions) {
    const [input] = options.topics
    this.#cluster = cluster
    this.#clock = clock
    this.#input = input
    this.id = cluster.topic(input).id
    this.#tails = new Tails(cluster.topic(input).leaders.length)
    this.#transactionMs = options.transactionMs ?? 10_000
    this.#reading = {
      fetchBytesMax: options.fetchBytesMax ?? 1024 * 1024,
      fetchWaitMs: options.fetchWaitMs ?? 250,
    }
    this.#ends = new KafkaEnds(cluster, clock, options.proveEveryMs ?? 1_000)
    this.#scan = new KafkaScan(this.#ends, (tail, from) => this.#open(tail, from))
  }

  /**
   * Opens the log whose topics are there already.
   *
   * @throws TidemarkError KAFKA_UNREACHABLE, KAFKA_FAILED (69), TOPIC_MISSING, TOPIC_UNSUITABLE,
   *   PARTITIONS_MISMATCH, KAFKA_DENIED, KAFKA_TOO_OLD, BROKER_INVALID (78)
   * @example
   * const topics = Object.values(topicsOf('churn'))
   * const log = await KafkaLog.open({ brokers: ['localhost:9092'], topics })
   */
  static async open(options: KafkaLogOptions): Promise<KafkaLog> {
    const { topics, timeBase = { kind: 'wall' }, clock = Date.now, patienceMs = 30_000 } = options
    let cluster: KafkaCluster | null = null
    try {
      cluster = await KafkaCluster.connect(options, topics, patienceMs)
      const missing = topics.find((topic) => cluster?.has(topic) === false)
      if (missing !== undefined) {
        const text = `the brokers have no topic ${missing}; tidemark topics create makes it`
        throw configurationError('TOPIC_MISSING', text)
      }
      await checkTopics(cluster, topics, timeBase)
      return new KafkaLog(cluster, new LogClock(timeBase, clock), options)
    } catch (error) {
      cluster?.close()
      throw kafkaFailure(error)
    }
  }

  get timeBase(): TimeBase {
    return this.#clock.timeBase
  }

  now(): number | null {
    return this.#clock.now()
  }

  /**
   * Lets the log have further topics, which are there already and have its partitions.
   *
   * @throws TidemarkError what `open` throws
   */
  include(topics: readonly string[]): Promise<void> {
    return this.#asked(async () => {
      await this.#cluster.include(topics)
      await checkTopics(this.#cluster, [this.#input, ...topics], this.timeBase)
    })
  }

  /** The same of one topic; answers false where the brokers do not have it. */
  includeIfThere(topic: string): Promise<boolean> {
    return this.#asked(async () => {
      const isThere = await this.#cluster.includeIfThere(topic)
      if (isThere) await checkTopics(this.#cluster, [this.#input, topic], this.timeBase)
      return isThere
    })
  }

  /**
   * How many processes are members of a group of consumers.
   *
   * @throws TidemarkError KAFKA_DENIED (78), KAFKA_UNREACHABLE, KAFKA_FAILED (69)
   */
  members(groupId: string): Promise<number> {
    return this.#asked(() => groupMembers(this.#cluster, groupId))
  }

  /** How many brokers have a copy of each partition of a topic, at least. */
  copies(topic: string): number {
    return this.#cluster.topic(topic).copies
  }

  /** For how long no broker has answered anything, in ms. */
  get silentMs(): number {
    return performance.now() - this.#cluster.connector.heardMs
  }

  /** Lets a virtual clock go on from `instant`, the largest committed asOf; it never goes back. */
  resumeAt(instant: number): void {
    this.#clock.resumeAt(instant)
  }

  partitions(_topic: string): number {
    return this.#tails.partitionCount
  }

  startOffset(topic: string, partition: number): Promise<number> {
    return this.#asked(() => this.#ends.offset(this.#tails.of(topic, partition), 'start'))
  }

  /** Also waits for commits that were under way when it was asked: recovery must see their fate. */
  endOffset(topic: string, partition: number): Promise<number> {
    return this.#asked(() => this.#scan.endOffset(this.#tails.of(topic, partition)))
  }

  reader(topic: string, partition: number, fromOffset: number): LogReader {
    this.#assertOpen('reader')
    return this.#open(this.#tails.of(topic, partition), fromOffset)
  }

  last(topic: string, partition: number): Promise<StoredRecord | null> {
    return this.#asked(() => this.#scan.last(this.#tails.of(topic, partition)))
  }

  erasures(topic: string, partition: number, endOffset: number): Promise<Map<string, number>> {
    return this.#asked(() => this.#scan.erasures(this.#tails.of(topic, partition), endOffset))
  }

  begin(id: string): Transaction {
    this.#assertOpen('begin')
    const draft = new KafkaDraft(this.#producer(id), (committing) => this.#track(committing))
    return this.#writers.begin(new LogTransaction(id, this.#clock, this.#tails, draft))
  }

  async fence(id: string): Promise<void> {
    this.#assertOpen('fence')
    this.#writers.fence(id)
    await this.#producer(id).fence()
  }

  /** A group that shares the partitions of this log; nobody is its member yet. */
  group(options: KafkaGroupOptions): Group {
    this.#assertOpen('group')
    const shared = { topic: this.#input, partitions: this.#tails.partitionCount }
    return new KafkaGroup(this.#cluster, shared, options)
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    this.#writers.fenceAll()
    this.#cluster.giveUp()
    await this.#settled()
    await Promise.all([...this.#readers].map((reader) => reader.close()))
    for (const producer of this.#producers.values()) producer.close()
    this.#ends.close()
    this.#cluster.close()
  }

  #open(tail: Tail, fromOffset: number): KafkaReader {
    const forget = (reader: KafkaReader) => this.#readers.delete(reader)
    const parts = { cluster: this.#cluster, ends: this.#ends }
    const reader = new KafkaReader(parts, tail, fromOffset, this.#reading, forget)
    this.#readers.add(reader)
    return reader
  }

  #producer(id: string): KafkaWriter {
    let producer = this.#producers.get(id)
    if (producer === undefined) {
      const transactionalId = `${this.#input}-${id}`
      producer = new KafkaWriter(
        this.#cluster,
        transactionalId,
        this.#transactionMs,
        this.#builders,
      )
      this.#producers.set(id, producer)
    }
    return producer
  }

  #track(committing: Promise<unknown>): void {
    const settled = committing.catch(() => undefined)
    this.#committing.add(settled)
    void settled.then(() => this.#committing.delete(settled))
  }

  async #settled(): Promise<void> {
    await Promise.all(this.#committing)
  }

  async #asked<T>(ask: () => Promise<T>): Promise<T> {
    this.#assertOpen('read')
    try {
      await this.#settled()
      return await ask()
    } catch (error) {
      throw kafkaFailure(error)
    }
  }

  #assertOpen(step: string): void {
    if (this.#closed) throw ioError('LOG_CLOSED', `${step}: the log has been closed`)
  }
}

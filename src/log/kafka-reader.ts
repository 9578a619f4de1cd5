/**
 * A cursor over one partition on the brokers: committed records only, whatever lies between them.
 *
 * Owns one fetch that is under way, the records that have come, and the offset behind them. It needs
 * no consumer group: which partitions are read, and from where, is the caller's business.
 *
 * Q1 At most one answer waits while the next one is under way, so a slow caller costs two of them.
 * Q2 A poll never cancels a fetch: one that waits for records goes on behind the poll that began it.
 * Q3 What this process has committed is seen before the reader says that it is at the end.
 * Q4 A batch that does not match its checksum is asked for again: what is wrong each time is damage
 *    of the log, what is not was changed on its way.
 */
import { configurationError, ioError, TidemarkError } from '../errors.js'
import type { KafkaCluster } from './kafka-cluster.js'
import type { KafkaEnds } from './kafka-ends.js'
import { BrokerRefusal, kafkaCode, kafkaFailure } from './kafka-errors.js'
import { type ReadBatches, readBatches } from './kafka-batch-reader.js'
import type { BatchRecords } from './kafka-batch-records.js'
import { KafkaLane } from './kafka-lane.js'
import { fetchRequest, type Fetched } from './kafka-requests.js'
import type { Poll, StoredRecord } from './log.js'
import { OnePollReader } from './one-poll.js'
import type { Tail } from './tails.js'

export interface KafkaReaderOptions {
  /** How much of the log one answer holds. @default 1 MiB */
  readonly fetchBytesMax: number
  /** How long a broker waits for a record before it answers that there is none. */
  readonly fetchWaitMs: number
}

export interface KafkaReaderParts {
  readonly cluster: KafkaCluster
  readonly ends: KafkaEnds
}

const nothing: readonly StoredRecord[] = []
/** How often records whose checksum is wrong are asked for. */
const attemptsMax = 5

export class KafkaReader extends OnePollReader {
  readonly #lane: KafkaLane
  #batches: BatchRecords[] = []
  /** Behind what has come, marks and aborted records included. */
  #position: number
  /** Behind the last record that was handed out. */
  #handed: number
  /** What the last answer said of the partition; nothing is known before the first. */
  #stable = Infinity
  #fetch: Promise<void> | null = null
  #failure: unknown = null
  /** Called when something has changed that a poll may wait for. */
  #wake: () => void = () => undefined
  #following = false

  constructor(
    readonly parts: KafkaReaderParts,
    readonly tail: Tail,
    fromOffset: number,
    readonly options: KafkaReaderOptions,
    readonly onClose: (reader: KafkaReader) => void,
  ) {
    super(tail)
    this.#lane = new KafkaLane(parts.cluster.connector)
    this.#position = fromOffset
    this.#handed = fromOffset
  }

  get nextOffset(): number {
    return this.#isEmpty ? this.#position : this.#handed
  }

  protected ending(): void {
    this.#wake()
    if (this.#following) this.parts.ends.unfollow(this.tail)
    this.onClose(this)
    // Before the poll ends, so that a fetch which fails is not tried again; one that waits may end.
    this.#lane.close()
  }

  protected async release(): Promise<void> {}

  /** @throws TidemarkError LOG_RANGE_LOST, LOG_DAMAGED, KAFKA_UNREACHABLE, KAFKA_FAILED */
  protected async read(recordsMax: number, waitMs: number): Promise<Poll> {
    // Before the first answer nothing is known of the end, however short the caller wants to wait.
    if (this.#isEmpty && (waitMs === 0 || this.#stable === Infinity)) await this.#look()
    if (this.#isEmpty && waitMs > 0) await this.#await(waitMs)
    if (this.closed) return { records: [], caughtUpAt: null, atEnd: false }
    const records = this.#take(recordsMax)
    // The next answer comes while these are worked on; at the end a poll asks for it.
    const left = this.#left
    if (left <= recordsMax && !this.#isAtEnd) void this.#begin(this.options.fetchWaitMs)
    const caughtUpAt = left === 0 && this.#isAtEnd ? await this.#proved() : null
    return { records, caughtUpAt, atEnd: this.#isEmpty && this.#isAtEnd }
  }

  get #isEmpty(): boolean {
    return this.#batches.length === 0
  }

  get #left(): number {
    return this.#batches.reduce((sum, { left }) => sum + left, 0)
  }

  get #isAtEnd(): boolean {
    return this.#position >= this.#stable && this.#position >= this.tail.end
  }

  /** Waits for records until the time is over. */
  async #await(waitMs: number): Promise<void> {
    const time = { isOver: false }
    const timer = setTimeout(() => {
      time.isOver = true
      this.#wake()
    }, waitMs)
    while (this.#isEmpty && !time.isOver && !this.closed && this.#failure === null) {
      void this.#begin(this.options.fetchWaitMs)
      await new Promise<void>((resolve) => (this.#wake = resolve))
    }
    clearTimeout(timer)
    this.#assertSound()
  }

  /** Finds out whether there are records: by an answer that was asked for since the call. */
  async #look(): Promise<void> {
    if (this.#fetch !== null) await this.#fetch
    const shown = this.parts.cluster.deadline(`what was committed to ${this.tail.topic}`)
    while (this.#isEmpty && !this.closed) {
      this.#assertSound()
      shown.check()
      // What has just been committed here appears as soon as its mark is written.
      await this.#begin(this.#position < this.tail.end ? this.options.fetchWaitMs : 0)
      if (this.#isAtEnd) break
    }
    this.#assertSound()
  }

  #assertSound(): void {
    if (this.#failure === null || this.closed) return
    const failure = this.#failure
    this.#failure = null
    throw kafkaFailure(failure)
  }

  #take(recordsMax: number): readonly StoredRecord[] {
    if (this.#isEmpty) return nothing
    const taken: StoredRecord[] = []
    while (taken.length < recordsMax && this.#batches.length > 0) {
      const [batch] = this.#batches
      batch.take(recordsMax - taken.length, taken)
      if (batch.left === 0) this.#batches.shift()
    }
    this.#handed = taken[taken.length - 1].offset + 1
    return taken
  }

  async #proved(): Promise<number | null> {
    if (this.tail.unsettled > 0) return null
    if (!this.#following) {
      this.parts.ends.follow(this.tail)
      this.#following = true
    }
    const proof = await this.parts.ends.prove(this.tail)
    if (proof === null) return null
    // The mark that ends a transaction may come an answer later than its records.
    if (this.#position < proof.highWatermark && this.#fetch === null) await this.#begin(0)
    return this.#isEmpty && this.#position >= proof.highWatermark ? proof.instant : null
  }

  /** The fetch under way, or a new one; it settles when its records are here, or its failure is. */
  #begin(waitMs: number): Promise<void> {
    this.#fetch ??= this.#fetchNext(waitMs)
      .catch((error: unknown) => (this.#failure = error))
      .then(() => {
        this.#fetch = null
        this.#wake()
      })
    return this.#fetch
  }

  async #fetchNext(waitMs: number): Promise<void> {
    const offset = this.#position
    const { batches, nextOffset } = await this.#read(offset, waitMs)
    if (nextOffset === offset) return
    this.#batches.push(...batches)
    this.#position = nextOffset
  }

  /** Keeps Q4. */
  async #read(offset: number, waitMs: number): Promise<ReadBatches> {
    for (let attempt = 1; ; attempt++) {
      const answer = await this.#ask(offset, waitMs)
      try {
        const read = await readBatches(answer, this.tail, offset)
        this.#stable = answer.lastStableOffset
        return read
      } catch (error) {
        const isDamage = error instanceof TidemarkError && error.code === 'LOG_DAMAGED'
        if (!isDamage || attempt === attemptsMax || this.closed) throw error
      }
    }
  }

  async #ask(offset: number, waitMs: number): Promise<Fetched> {
    const { topic, partition } = this.tail
    const { fetchBytesMax: bytesMax } = this.options
    try {
      const topicId = this.parts.cluster.topic(topic).id
      const request = fetchRequest({ topicId, partition, offset, waitMs, bytesMax })
      return await this.parts.cluster.sendToLeader(
        this.#lane,
        this.tail,
        request,
        ({ error }) => error,
      )
    } catch (error) {
      if (!(error instanceof BrokerRefusal)) throw error
      if (error.code === kafkaCode.corruptMessage) {
        throw ioError('LOG_DAMAGED', `${topic} partition ${partition} at ${offset}`, error)
      }
      if (error.code !== kafkaCode.offsetOutOfRange) throw error
      const start = await this.parts.ends.offset(this.tail, 'start')
      const end = await this.parts.ends.offset(this.tail, 'stable')
      const text = `${topic} partition ${partition}: offset ${offset} was asked for`
      throw configurationError('LOG_RANGE_LOST', `${text}; the log has ${start} to ${end}`, error)
    }
  }
}

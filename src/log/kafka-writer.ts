/**
 * One transactional writer: an id, of which the cluster lets one owner write at a time.
 *
 * Owns the producer's identity, its sequences and the order of a transaction: add the partitions,
 * produce, end. (The client's own producer can neither repeat the end of a transaction nor be used
 * again after that failed.)
 *
 * W1 One transaction at a time. Nothing reaches the brokers before `send` or `commit`.
 * W2 After any failure the identity is given up: the next one comes with a new epoch, which fences
 *    whatever is still on its way under the old one, and ends its transaction.
 * W3 Only the end of a transaction can leave the outcome open. Without an answer to it the commit
 *    ends as `COMMIT_UNKNOWN`; asking again under the same epoch could end the next transaction.
 * W4 Who was fenced stays fenced until he is told to fence in turn: two owners must not take the
 *    writer from each other for ever.
 */
import { exitCode, TidemarkError } from '../errors.js'
import { failpoint, failpointSoon } from '../failpoint.js'
import type { BatchBuilder, BatchBuilders } from './kafka-batch-builder.js'
import type { KafkaCluster } from './kafka-cluster.js'
import {
  BrokerRefusal,
  fenced,
  isFenced,
  kafkaCode,
  kafkaFailure,
  NoAnswer,
} from './kafka-errors.js'
import { KafkaLane } from './kafka-lane.js'
import type { KafkaRequest, Place } from './kafka-requests.js'
import {
  addPartitionsRequest,
  endTxnRequest,
  initProducerIdRequest,
  type Produced,
  type ProducedBatch,
  type ProducerIdentity,
  produceRequest,
} from './kafka-transaction-requests.js'
import type { Tail } from './tails.js'

/** A transaction's batches, by where they go, in order. */
export type KafkaDrafted = ReadonlyMap<Tail, readonly BatchBuilder[]>

type Written = (tail: Tail, baseOffset: number) => void

export class KafkaWriter {
  readonly #lane: KafkaLane
  #identity: ProducerIdentity | null = null
  /** Of the transaction that is under way on the brokers. */
  readonly #added = new Set<Tail>()
  #fenced = false
  readonly #sequences = new Map<Tail, number>()
  /** Whether something of the transaction may still be on its way over a connection given up. */
  #isDoubtful = false
  /** The last thing that was asked for, ended either way (W1). */
  #turn: Promise<unknown> = Promise.resolve()

  constructor(
    readonly cluster: KafkaCluster,
    readonly transactionalId: string,
    /** After which the broker aborts a transaction that has not ended. */
    readonly timeoutMs: number,
    readonly builders: BatchBuilders,
  ) {
    this.#lane = new KafkaLane(cluster.connector)
  }

  /**
   * Takes the writer over. When it resolves, what an earlier owner left open has ended, its outcome
   * can be read, and nothing of it is still to come.
   */
  fence(): Promise<void> {
    return this.#inTurn(async () => {
      this.#identity = null
      this.#fenced = false
      await this.#identify()
    })
  }

  /**
   * Writes the transaction; the ends are those of its own records.
   *
   * @throws TidemarkError COMMIT_UNKNOWN, TRANSACTION_FENCED, KAFKA_UNREACHABLE, KAFKA_FAILED,
   *   KAFKA_DENIED, KAFKA_REFUSED
   */
  commit(drafted: KafkaDrafted, isRest = false): Promise<Map<Tail, number>> {
    return this.#inTurn(async () => {
      const ends = await this.#sendAll(drafted, isRest)
      if (this.#added.size === 0) return ends
      const ending = this.#end(this.#identity!)
      failpointSoon('kafka.ending')
      await ending
      this.#added.clear()
      failpoint('kafka.committed')
      return ends
    })
  }

  /**
   * Writes a part of the transaction, which is readable to who does not wait for its end. Raises what
   * `commit` does, but for `COMMIT_UNKNOWN`. `isRest`: of it, a part has been sent before.
   */
  send(drafted: KafkaDrafted, isRest: boolean): Promise<Map<Tail, number>> {
    return this.#inTurn(() => this.#sendAll(drafted, isRest))
  }

  /** Leaves the transaction open: whoever has the writer next aborts it. */
  giveUp(): void {
    this.#identity = null
    this.#added.clear()
  }

  close(): void {
    this.#lane.close()
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(work).catch((error: unknown) => {
      this.giveUp()
      if (error instanceof BrokerRefusal && isFenced(error.code)) this.#fenced = true
      throw kafkaFailure(error)
    })
    this.#turn = turn.catch(() => undefined)
    return turn
  }

  async #sendAll(drafted: KafkaDrafted, isRest: boolean): Promise<Map<Tail, number>> {
    if (this.#fenced) throw fenced(`${this.transactionalId} is written by somebody else now`)
    // What was sent under an identity that is given up is aborted: its rest must not commit alone.
    if (isRest && this.#added.size === 0) {
      throw fenced(`the transaction of ${this.transactionalId} was given up`)
    }
    if (drafted.size === 0) return new Map()
    const identity = this.#identity ?? (await this.#identify())
    const fresh = [...drafted.keys()].filter((tail) => !this.#added.has(tail))
    if (fresh.length > 0) {
      const beginning = this.#addPartitions(identity, fresh)
      failpointSoon('kafka.beginning')
      await beginning
    }
    for (const tail of fresh) this.#added.add(tail)
    failpoint('kafka.begun')
    const producing = this.#produceAll(identity, drafted)
    failpointSoon('kafka.producing')
    const ends = await producing
    if (!this.#isDoubtful) for (const batches of drafted.values()) this.builders.give(batches)
    failpoint('kafka.produced')
    return ends
  }

  async #identify(): Promise<ProducerIdentity> {
    this.#added.clear()
    this.#sequences.clear()
    const request = initProducerIdRequest(this.transactionalId, this.timeoutMs)
    const answer = await this.#coordinated(request, ({ error }) => error)
    this.#identity = { producerId: answer.producerId, producerEpoch: answer.producerEpoch }
    return this.#identity
  }

  async #addPartitions(identity: ProducerIdentity, tails: readonly Tail[]): Promise<void> {
    // A partition that does not exist must be told by its name, not by the coordinator's number.
    for (const { topic } of tails) this.cluster.topic(topic)
    const writer = { ...identity, transactionalId: this.transactionalId }
    await this.#coordinated(addPartitionsRequest(writer, tails), (error) => error)
  }

  /** One batch of each partition at a time: a request takes no more of one. */
  async #produceAll(identity: ProducerIdentity, drafted: KafkaDrafted): Promise<Map<Tail, number>> {
    const ends = new Map<Tail, number>()
    this.#isDoubtful = false
    const rounds = Math.max(...[...drafted.values()].map((batches) => batches.length))
    for (let round = 0; round < rounds; round += 1) {
      const due = new Map<Tail, ProducedBatch>()
      for (const [tail, batches] of drafted) {
        const batch = batches[round] as BatchBuilder | undefined
        if (batch === undefined) continue
        const baseSequence = this.#sequences.get(tail) ?? 0
        this.#sequences.set(tail, (baseSequence + batch.count) % 0x8000_0000)
        const { topic, partition } = tail
        due.set(tail, { topic, partition, bytes: batch.finish({ ...identity, baseSequence }) })
      }
      await this.#produce(due, (tail, baseOffset) => {
        ends.set(tail, baseOffset + drafted.get(tail)![round].count)
      })
    }
    return ends
  }

  /** Until each batch is written: those of one leader in one request. */
  async #produce(due: Map<Tail, ProducedBatch>, written: Written): Promise<void> {
    await this.cluster.persist(`produce of ${this.transactionalId}`, async () => {
      const byLeader = new Map<Place | null, ProducedBatch[]>()
      for (const [{ topic, partition }, batch] of due) {
        const leader = this.cluster.leader(topic, partition)
        byLeader.set(leader, [...(byLeader.get(leader) ?? []), batch])
      }
      const requests = [...byLeader].map(([leader, batches]) => this.#send(leader, batches))
      const failures: unknown[] = []
      for (const end of await Promise.allSettled(requests)) {
        if (end.status === 'rejected') {
          this.#isDoubtful = true
          failures.push(end.reason)
          continue
        }
        for (const { topic, partition, error, baseOffset } of end.value) {
          const tail = [...due.keys()].find(
            (it) => it.topic === topic && it.partition === partition,
          )!
          if (error !== 0) {
            failures.push(new BrokerRefusal(error, `produce to ${topic}/${partition}`))
            continue
          }
          due.delete(tail)
          written(tail, baseOffset)
        }
      }
      // One that lasts first: with the others it would be tried again.
      const fencing = failures.find((it) => it instanceof BrokerRefusal && isFenced(it.code))
      if (failures.length > 0) throw fencing ?? failures[0]
    })
  }

  async #send(leader: Place | null, batches: readonly ProducedBatch[]): Promise<Produced[]> {
    if (leader === null) {
      throw new BrokerRefusal(kafkaCode.leaderNotAvailable, `produce of ${this.transactionalId}`)
    }
    return this.#lane.send(leader, produceRequest(this.transactionalId, batches, this.timeoutMs))
  }

  async #end(identity: ProducerIdentity): Promise<void> {
    const request = endTxnRequest({ ...identity, transactionalId: this.transactionalId }, true)
    try {
      await this.#coordinated(request, (error) => error, false)
    } catch (error) {
      if (error instanceof BrokerRefusal && isFenced(error.code)) throw error
      const text = `commit of ${this.transactionalId}: whether it took place is not known`
      const why = error instanceof Error ? error.message : String(error)
      const options = { exit: exitCode.dependency, retry: 'now', cause: error } as const
      throw new TidemarkError('COMMIT_UNKNOWN', `${text} (${why})`, options)
    }
  }

  /**
   * Sends to the coordinator, and again while it says "not now", as it does until the markers of the
   * transaction before are written. `isRepeatable`: also where no answer came.
   */
  #coordinated<T>(
    request: KafkaRequest<T>,
    errorOf: (answer: T) => number,
    isRepeatable = true,
  ): Promise<T> {
    return this.cluster.persist(`${request.name} of ${this.transactionalId}`, async () => {
      const place = await this.cluster.coordinator(this.transactionalId)
      try {
        const answer = await this.#lane.send(place, request)
        const error = errorOf(answer)
        if (error === 0) return answer
        throw new BrokerRefusal(error, `${request.name} of ${this.transactionalId}`)
      } catch (error) {
        const moved: number[] = [kafkaCode.notCoordinator, kafkaCode.coordinatorNotAvailable]
        if (!(error instanceof BrokerRefusal) || moved.includes(error.code)) {
          this.cluster.forgetCoordinator(this.transactionalId)
        }
        throw error instanceof NoAnswer && !isRepeatable ? new LostEnd(error) : error
      }
    })
  }
}

/** Not a `NoAnswer`, which would be asked again. */
class LostEnd extends Error {
  constructor(cause: NoAnswer) {
    super(cause.message, { cause })
  }
}

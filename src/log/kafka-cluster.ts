/**
 * Where things are in a cluster: brokers, the leaders of partitions, the coordinators of
 * transactions. Owns what is remembered of it and when that is asked again; owns no request of a
 * reader or a writer.
 */
import { setMaxListeners } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { configurationError, type TidemarkError } from '../errors.js'
import {
  BrokerRefusal,
  isBusy,
  isStaleLeader,
  kafkaCode,
  LaneClosed,
  NoAnswer,
} from './kafka-errors.js'
import { KafkaConnector, KafkaLane, type ConnectOptions } from './kafka-lane.js'
import {
  type Coordinated,
  findCoordinatorRequest,
  metadataRequest,
  type KafkaRequest,
  type Place,
  type TopicMetadata,
} from './kafka-requests.js'

/** Pauses between tries: the first, and the longest that doubling leads to. */
const pauseMsMin = 20
const pauseMsMax = 2_000
const lookEveryMs = 60_000
/** How long a topic that was just made may take to come to every broker. */
const newTopicMs = 5_000

export class KafkaCluster {
  readonly connector: KafkaConnector
  readonly control: KafkaLane
  readonly #seeds: readonly Pick<Place, 'host' | 'port'>[]
  #topics: readonly string[]
  readonly #known = new Map<string, TopicMetadata>()
  #places = new Map<number, Place>()
  #refreshing: Promise<void> | null = null
  readonly #coordinators = new Map<string, Place>()
  /** Bounds all that is tried again: how long the world may be away, in ms. */
  readonly patienceMs: number
  readonly #closing = new AbortController()
  #watch: NodeJS.Timeout | null = null
  /** What the log must not go on with. */
  #changed: TidemarkError | null = null

  private constructor(options: ConnectOptions, topics: readonly string[], patienceMs: number) {
    this.connector = new KafkaConnector(options)
    this.control = new KafkaLane(this.connector)
    this.#seeds = options.brokers.map(placeOf)
    this.#topics = topics
    this.patienceMs = patienceMs
    // Each reader and writer that pauses listens; Node would take more than ten for a leak.
    setMaxListeners(0, this.#closing.signal)
    const { signal } = options
    if (signal?.aborted === true) this.giveUp()
    signal?.addEventListener('abort', () => this.giveUp(), { once: true })
  }

  /** Learns of the brokers and the topics. */
  static async connect(
    options: ConnectOptions,
    topics: readonly string[],
    patienceMs: number,
  ): Promise<KafkaCluster> {
    const cluster = new KafkaCluster(options, topics, patienceMs)
    try {
      await cluster.persist('metadata', () => cluster.refresh())
    } catch (error) {
      cluster.close()
      throw error
    }
    // Partitions may be added while nothing fails: somebody has to look.
    const look = () => void cluster.refresh().catch(() => undefined)
    cluster.#watch = setInterval(look, lookEveryMs).unref()
    return cluster
  }

  /**
   * Learns of further topics; one that was just made may not have come to every broker yet.
   *
   * @throws TidemarkError TOPIC_MISSING where one does not come
   */
  async include(topics: readonly string[]): Promise<void> {
    const what = 'metadata of further topics'
    const untilMs = Date.now() + newTopicMs
    for (const topic of topics) {
      while (!(await this.includeIfThere(topic))) {
        if (Date.now() > untilMs) throw missing(topic)
        await sleep(pauseMsMax / 10, undefined, { signal: this.#closing.signal }).catch(() => {
          throw new LaneClosed(what)
        })
      }
    }
    await this.persist(what, async () => {
      const leaderless = topics.find((topic) => this.topic(topic).leaders.some((id) => id < 0))
      if (leaderless === undefined) return
      throw new BrokerRefusal(kafkaCode.leaderNotAvailable, `metadata of ${leaderless}`)
    })
  }

  /** Learns of a further topic; answers false where the brokers do not have it, or not yet. */
  async includeIfThere(topic: string): Promise<boolean> {
    if (this.#topics.includes(topic) && this.has(topic)) return true
    this.#topics = [...new Set([...this.#topics, topic])]
    await this.#refreshing?.catch(() => undefined)
    await this.persist('metadata of further topics', async () => {
      await this.refresh()
      // Raises where it is there, and not ready yet.
      if (this.has(topic)) this.topic(topic)
    })
    if (this.has(topic)) return true
    this.#topics = this.#topics.filter((one) => one !== topic)
    this.#known.delete(topic)
    return false
  }

  /** Whether the brokers have the topic, without asking. */
  has(name: string): boolean {
    const known = this.#known.get(name)
    return known !== undefined && known.error !== kafkaCode.unknownTopicOrPartition
  }

  /** What is known of a topic, without asking. */
  topic(name: string): TopicMetadata {
    if (this.#changed !== null) throw this.#changed
    const known = this.#known.get(name)
    if (known === undefined || known.error === kafkaCode.unknownTopicOrPartition) {
      throw missing(name)
    }
    if (known.error !== 0) throw new BrokerRefusal(known.error, `metadata of ${name}`)
    return known
  }

  /** Asks again; whoever asks meanwhile shares the answer. */
  refresh(): Promise<void> {
    this.#refreshing ??= this.#refresh().finally(() => (this.#refreshing = null))
    return this.#refreshing
  }

  /**
   * Sends to the leader of a partition. Where it has moved, asks who leads now; where it does not
   * answer, tries again while patience lasts if `isRepeatable`. `errorOf` tells the broker's refusal
   * from an answer.
   */
  async sendToLeader<T>(
    lane: KafkaLane,
    { topic, partition }: { readonly topic: string; readonly partition: number },
    request: KafkaRequest<T>,
    errorOf: (answer: T) => number,
  ): Promise<T> {
    return this.persist(`${request.name} of ${topic} partition ${partition}`, async () => {
      const place = this.leader(topic, partition)
      if (place === null) throw new BrokerRefusal(kafkaCode.leaderNotAvailable, topic)
      const answer = await lane.send(place, request)
      const error = errorOf(answer)
      if (error !== 0) throw new BrokerRefusal(error, `${request.name} of ${topic}/${partition}`)
      return answer
    })
  }

  /**
   * Runs `attempt` until it succeeds, fails in a way that lasts, or patience is over. Between two
   * attempts the leaders are asked for again.
   */
  async persist<T>(what: string, attempt: () => Promise<T>): Promise<T> {
    const until = Date.now() + this.patienceMs
    for (let pauseMs = pauseMsMin; ; pauseMs = Math.min(pauseMsMax, pauseMs * 2)) {
      try {
        return await attempt()
      } catch (error) {
        const passes =
          error instanceof NoAnswer ||
          (error instanceof BrokerRefusal && (isStaleLeader(error.code) || isBusy(error.code)))
        if (!passes || this.#closing.signal.aborted || Date.now() + pauseMs > until) throw error
        await sleep(pauseMs, undefined, { signal: this.#closing.signal }).catch(() => {
          throw new LaneClosed(what)
        })
        if (!(error instanceof BrokerRefusal && isBusy(error.code))) {
          await this.refresh().catch((cause: unknown) => {
            if (!(cause instanceof NoAnswer)) throw cause
          })
        }
      }
    }
  }

  /** For what must come of itself: `check` throws once patience is over. */
  deadline(what: string): { check(): void } {
    const until = Date.now() + this.patienceMs
    return {
      check: () => {
        if (Date.now() > until) throw new NoAnswer(what, 'the brokers do not show it')
      },
    }
  }

  /** Where the partition's leader is; null where there is none now. */
  leader(topic: string, partition: number): Place | null {
    const nodeId = this.topic(topic).leaders[partition]
    return nodeId === undefined ? null : (this.#places.get(nodeId) ?? null)
  }

  /** Who answers for a transactional id or a group, as far as is known. */
  async coordinator(id: string, of: Coordinated = 'transactions'): Promise<Place> {
    const known = this.#coordinators.get(`${of}/${id}`)
    if (known !== undefined) return known
    const answer = await this.ask(findCoordinatorRequest(id, of))
    if (answer.error !== 0) throw new BrokerRefusal(answer.error, `the coordinator of ${id}`)
    this.#coordinators.set(`${of}/${id}`, answer)
    return answer
  }

  /** The coordinator has moved or does not answer. */
  forgetCoordinator(id: string, of: Coordinated = 'transactions'): void {
    this.#coordinators.delete(`${of}/${id}`)
  }

  /** From here on nothing is tried again; what is under way may end. */
  giveUp(): void {
    this.#closing.abort()
  }

  close(): void {
    this.giveUp()
    if (this.#watch !== null) clearInterval(this.#watch)
    this.control.close()
  }

  async #refresh(): Promise<void> {
    const { places, topics } = await this.ask(metadataRequest(this.#topics))
    this.#places = new Map(places.map((place) => [place.nodeId, place]))
    for (const topic of topics) {
      const before = this.#known.get(topic.name)
      if (before !== undefined) this.#changed ??= changeOf(before, topic)
    }
    if (this.#changed !== null) throw this.#changed
    for (const topic of topics) {
      // What was known of a topic that is gone for now tells another one that takes its name.
      const isGone = topic.error === kafkaCode.unknownTopicOrPartition
      if (!isGone || !this.#known.has(topic.name)) this.#known.set(topic.name, topic)
    }
  }

  /** Asks any broker that answers: those that are known, then the ones that were given. */
  async ask<T>(request: KafkaRequest<T>): Promise<T> {
    const places = [...this.#places.values(), ...this.#seeds]
    let failure: unknown = new NoAnswer(request.name, 'no broker is known')
    for (const place of places) {
      try {
        return await this.control.send(place, request)
      } catch (error) {
        failure = error
      }
    }
    throw failure
  }
}

function missing(topic: string): TidemarkError {
  return configurationError('TOPIC_MISSING', `the brokers have no topic ${topic}`)
}

/** What a log is made of stays for ever: its offsets mean nothing in another topic. */
function changeOf(before: TopicMetadata, now: TopicMetadata): TidemarkError | null {
  const { name } = before
  if (before.error !== 0 || now.error !== 0) return null
  if (now.id !== before.id) {
    return configurationError('LOG_CHANGED', `topic ${name} has been deleted and created anew`)
  }
  const [due, came] = [before.leaders.length, now.leaders.length]
  if (due === came) return null
  const text = `topic ${name} had ${due} partitions and has ${came} now`
  return configurationError('LOG_CHANGED', `${text}: they decide which customer is where`)
}

function placeOf(broker: string): { readonly host: string; readonly port: number } {
  const at = broker.lastIndexOf(':')
  const port = Number(broker.slice(at + 1))
  if (at > 0 && Number.isInteger(port) && port > 0) return { host: broker.slice(0, at), port }
  throw configurationError('BROKER_INVALID', `broker "${broker}" is not of the form host:port`)
}

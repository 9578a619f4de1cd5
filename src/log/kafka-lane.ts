/**
 * Connections of one user of the log, one a broker.
 *
 * A broker answers the requests of one connection one after the other, a fetch that waits for
 * records included; so each reader and each writer has a lane of his own.
 *
 * N1 A connection that failed, or on which an answer is overdue, is thrown away with what it had
 *    received: the client keeps half an answer in its buffer, and would begin the next one with it.
 * N2 Nor does the client connect again by itself: it would do so once for each request that waits, not
 *    log in, and lose sight of all of these sockets but one, which then keep the process from ending.
 */
import type { ISocketFactory, SASLOptions } from 'kafkajs'
import type { ConnectionOptions } from 'node:tls'
import Broker from 'kafkajs/src/broker/index.js'
import connectionPoolBuilder from 'kafkajs/src/cluster/connectionPoolBuilder.js'
import { createLogger } from 'kafkajs/src/loggers/index.js'
import socketFactory from 'kafkajs/src/network/socketFactory.js'
import { configurationError, TidemarkError } from '../errors.js'
import { LaneClosed, NoAnswer } from './kafka-errors.js'
import type { KafkaRequest, Place } from './kafka-requests.js'
import { roundTrip } from './kafka-round-trip.js'

export interface ConnectOptions {
  /** `host:port` of some brokers; the others are learnt from them. */
  readonly brokers: readonly string[]
  readonly ssl?: ConnectionOptions | boolean
  readonly sasl?: SASLOptions
  /** Makes the sockets, for who reaches the brokers through something else. */
  readonly socketFactory?: ISocketFactory
  /** @default tidemark */
  readonly clientId?: string
  /** Where it is aborted nothing is tried again; what is under way may end. */
  readonly signal?: AbortSignal
  /** How long a broker may take to accept a connection. @default 3000 */
  readonly connectMs?: number
  /** How long a broker may take to answer, beyond what it was asked to wait. @default 10000 */
  readonly answerMs?: number
}

/** What tells a broker that is too old: the first version of metadata that we read came with 3.0. */
const metadataKey = 3
const metadataVersion = 12

type Builder = ReturnType<typeof connectionPoolBuilder>

/** Makes connections with the same settings. */
export class KafkaConnector {
  /** When a broker answered last, on the clock of `performance.now()`. */
  heardMs = performance.now()
  readonly #builder: Builder
  readonly #logger
  readonly #authenticationMs: number

  constructor(options: ConnectOptions) {
    const { brokers, ssl, sasl, clientId, connectMs, answerMs } = options
    // The client logs each failure that it also throws; the log's caller tells of it once.
    this.#logger = createLogger({ level: 0, logCreator: () => () => undefined })
    this.#authenticationMs = answerMs ?? 10_000
    this.#builder = connectionPoolBuilder({
      socketFactory: options.socketFactory ?? socketFactory(),
      brokers,
      ssl,
      sasl,
      clientId: clientId ?? 'tidemark',
      requestTimeout: answerMs ?? 10_000,
      enforceRequestTimeout: true,
      connectionTimeout: connectMs ?? 3_000,
      logger: this.#logger,
      reauthenticationThreshold: 10_000,
    })
  }

  async connect({ host, port }: Pick<Place, 'host' | 'port'>): Promise<Broker> {
    const connectionPool = await this.#builder.build({ host, port })
    const authenticationTimeout = this.#authenticationMs
    const broker = new Broker({ connectionPool, logger: this.#logger, authenticationTimeout })
    try {
      await broker.connect()
    } catch (error) {
      discard(broker)
      throw new NoAnswer(`connecting to ${host}:${port}`, error)
    }
    if ((broker.versions[metadataKey]?.maxVersion ?? 0) >= metadataVersion) return broker
    discard(broker)
    throw configurationError('KAFKA_TOO_OLD', `the broker at ${host}:${port} is older than 3.0`)
  }
}

export class KafkaLane {
  readonly #connector: KafkaConnector
  readonly #brokers = new Map<string, Promise<Broker>>()
  #closed = false

  constructor(connector: KafkaConnector) {
    this.#connector = connector
  }

  /** @throws NoAnswer, LaneClosed, or the KAFKA_TOO_OLD of a new connection */
  async send<T>(place: Pick<Place, 'host' | 'port'>, request: KafkaRequest<T>): Promise<T> {
    const what = `${request.name} to ${place.host}:${place.port}`
    const name = `${place.host}:${place.port}`
    await this.#forgetEnded(name)
    if (this.#closed) throw new LaneClosed(what)
    let connecting = this.#brokers.get(name)
    if (connecting === undefined) {
      connecting = this.#connector.connect(place)
      this.#brokers.set(name, connecting)
    }
    try {
      const broker = await connecting
      // Always the first of the client's two connections: a lane has one user.
      const connection = await broker.connectionPool.getConnection()
      const answer = await roundTrip(connection, request)
      this.#connector.heardMs = performance.now()
      return answer
    } catch (error) {
      if (this.#brokers.get(name) === connecting) this.#brokers.delete(name)
      void connecting.then(discard, () => undefined)
      if (error instanceof NoAnswer || error instanceof TidemarkError) throw error
      throw new NoAnswer(what, error)
    }
  }

  /** Keeps N2: a broker that was killed, or has closed an idle connection, is connected to anew. */
  async #forgetEnded(name: string): Promise<void> {
    const held = this.#brokers.get(name)
    // Why it failed is told to those who wait for it.
    const broker = await held?.catch(() => undefined)
    if (broker === undefined || broker.isConnected()) return
    if (this.#brokers.get(name) !== held) return
    this.#brokers.delete(name)
    discard(broker)
  }

  close(): void {
    this.#closed = true
    const brokers = [...this.#brokers.values()]
    this.#brokers.clear()
    for (const connecting of brokers) void connecting.then(discard, () => undefined)
  }
}

/** Not awaited by anybody: the client waits for answers that may never come. */
function discard(broker: Broker): void {
  broker.disconnect().catch(() => undefined)
}

/**
 * The parts of kafkajs below its public surface that carry our requests: one connection to one
 * broker, with TLS, SASL, timeouts and the queue of requests. kafkajs is pinned to one version, and
 * its last; see docs/decisions/0028-kafkajs-below-its-surface.md.
 */
declare module 'kafkajs/src/broker/index.js' {
  import type ConnectionPool from 'kafkajs/src/network/connectionPool.js'
  import type { KafkajsLogger } from 'kafkajs/src/loggers/index.js'

  export default class Broker {
    constructor(options: {
      readonly connectionPool: ConnectionPool
      readonly logger: KafkajsLogger
      readonly authenticationTimeout: number
    })
    readonly connectionPool: ConnectionPool
    /** By API key: what the broker speaks, known once connected. */
    readonly versions: Readonly<Record<number, { readonly maxVersion: number }>>
    /** Connects, asks which versions the broker speaks, and authenticates. */
    connect(): Promise<void>
    /** Also whether it is logged in, where that is asked for. */
    isConnected(): boolean
    disconnect(): Promise<void>
  }
}

declare module 'kafkajs/src/network/connectionPool.js' {
  import type { Socket } from 'node:net'

  interface PushedRequest {
    readonly entry: {
      readonly apiKey: number
      readonly apiVersion: number
      readonly apiName: string
      readonly correlationId: number
      resolve(answer: { readonly payload: Buffer }): void
      reject(error: Error): void
    }
    readonly expectResponse: boolean
    /** In ms; null: the connection's own. */
    readonly requestTimeout: number | null
    sendRequest(): void
  }

  export interface Connection {
    readonly clientId: string
    readonly socket: Socket
    readonly requestQueue: { push(request: PushedRequest): void }
    isAuthenticated(): boolean
    authenticate(): Promise<void>
    failIfNotConnected(): void
    nextCorrelationId(): number
  }

  export default class ConnectionPool {
    /** One of two, connected again where it was lost. */
    getConnection(index?: number): Promise<Connection>
  }
}

declare module 'kafkajs/src/cluster/connectionPoolBuilder.js' {
  import type ConnectionPool from 'kafkajs/src/network/connectionPool.js'
  import type { KafkajsLogger } from 'kafkajs/src/loggers/index.js'
  import type { SASLOptions } from 'kafkajs'
  import type { ConnectionOptions } from 'node:tls'

  interface ConnectionPoolBuilder {
    build(place: { readonly host: string; readonly port: number }): Promise<ConnectionPool>
  }
  export default function connectionPoolBuilder(options: {
    readonly socketFactory: unknown
    readonly brokers: readonly string[]
    readonly ssl?: ConnectionOptions | boolean | undefined
    readonly sasl?: SASLOptions | undefined
    readonly clientId: string
    readonly requestTimeout: number
    readonly enforceRequestTimeout: boolean
    readonly connectionTimeout: number
    readonly logger: KafkajsLogger
    readonly reauthenticationThreshold: number
  }): ConnectionPoolBuilder
}

declare module 'kafkajs/src/protocol/error.js' {
  const errors: {
    /** `type` is the name that Kafka gives the code; of one that the client does not know, its own. */
    createErrorFromCode(code: number): Error & { readonly type: string }
  }
  export default errors
}

declare module 'kafkajs/src/network/socketFactory.js' {
  export default function socketFactory(): unknown
}

declare module 'kafkajs/src/loggers/index.js' {
  export interface KafkajsLogger {
    namespace(name: string): KafkajsLogger
  }
  interface LogEntry {
    readonly namespace: string
    readonly label: string
    readonly log: { readonly message: string }
  }
  export function createLogger(options: {
    readonly level: number
    readonly logCreator: (level: number) => (entry: LogEntry) => void
  }): KafkajsLogger
}

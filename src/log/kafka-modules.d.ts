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
  export interface KafkajsRequest<T> {
    readonly request: {
      readonly apiKey: number
      readonly apiVersion: number
      readonly apiName: string
      /** Returns what `writeEncoder` of kafkajs takes: anything with these two members. */
      encode(): Promise<{ readonly buf: Buffer; readonly buffer: Buffer }>
    }
    readonly response: {
      decode(
        payload: Buffer,
      ): Promise<{ readonly clientSideThrottleTime: number; readonly data: T }>
      parse(decoded: { readonly data: T }): Promise<T>
    }
    /** In ms. */
    readonly requestTimeout?: number
    readonly logResponseError?: boolean
  }

  export interface Connection {
    send<T>(request: KafkajsRequest<T>): Promise<T>
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

/**
 * The way to Redis: one server or a cluster behind the same few calls.
 *
 * Owns the connection, how calls are grouped into pipelines, and which servers there are. Does not
 * own what is stored nor when it is tried again.
 *
 * L1 All keys of one call are in one slot: by themselves where the address is a cluster.
 * L2 A call that failed may have taken place: whoever sends it again must not mind.
 * L3 Nothing is sent again by the client itself to a server that it was not sent to.
 */
import { type ChainableCommander, Cluster, type Redis } from 'ioredis'
import { endOfAll } from '../end-of-all.js'
import type { TidemarkError } from '../errors.js'
import {
  databaseOf,
  type RedisAddress,
  type RedisClient,
  redisClient,
  type RedisTimes,
  wrongAddress,
} from './redis-address.js'
import { isScriptUnknown, redisError } from './redis-errors.js'
import { type RedisScript, scripts } from './redis-scripts.js'
import { type RedisServers, serversOf } from './redis-servers.js'
import { slotOf } from './redis-slot.js'

export type RedisArgument = string | Buffer

/** One command on keys of one slot. */
export interface RedisCall {
  readonly command: string
  readonly keys: readonly string[]
  readonly rest: readonly RedisArgument[]
  readonly script?: boolean
}

/** Keys that one call of a script takes where there is a single server. */
const KEYS_A_CALL = 64

export class RedisLink {
  /** Told of each new connection: what was known of the server may be wrong now. */
  onConnected: () => void = () => undefined
  readonly #client: RedisClient
  #lastError: TidemarkError | null = null
  readonly #database: number
  #closed = false

  constructor(address: RedisAddress, times: RedisTimes) {
    this.#client = redisClient(address, times)
    this.#database = databaseOf(address)
    this.#client.on('error', (error: unknown) => {
      this.#lastError = redisError(error, 'connecting')
    })
    this.#client.on('ready', () => {
      this.#lastError = null
      this.onConnected()
    })
    this.#client.on('+node', () => this.onConnected())
  }

  get isCluster(): boolean {
    return this.#client instanceof Cluster
  }

  get closed(): boolean {
    return this.#closed
  }

  /**
   * Connects, and waits at most `waitMs` for it; it is tried on for ever behind the scenes. Throws
   * `REDIS_REFUSED`, and `REDIS_ADDRESS` where there is no such database; answers the failure that
   * may pass, or null.
   */
  async connect(waitMs: number): Promise<TidemarkError | null> {
    this.#client.connect().catch(() => undefined)
    const client = this.#client
    const until = performance.now() + waitMs
    while (client.status !== 'ready' && this.#lastError?.retry !== 'never') {
      const leftMs = until - performance.now()
      if (leftMs <= 0) break
      await new Promise((resolve) => setTimeout(resolve, Math.min(leftMs, 10)))
    }
    if (client.status === 'ready') {
      await this.#select()
      return null
    }
    const error = this.#lastError ?? redisError(new Error('no answer'), 'connecting')
    if (error.retry === 'never') throw error
    return error
  }

  /** The client goes on in database 0 where the server refuses the one that the address names. */
  async #select(): Promise<void> {
    const database = this.#database
    if (database === 0 || this.#client instanceof Cluster) return
    try {
      await this.#client.select(database)
    } catch (error) {
      const { message } = error as Error
      if (/\bDB\b/.test(message)) throw wrongAddress(`database ${database}: ${message}`)
      throw this.#told(error, 'choosing the database')
    }
  }

  /** Keys as the calls of a script may take them together. */
  together(keys: readonly string[]): number[][] {
    if (!this.isCluster) {
      const groups: number[][] = []
      for (let from = 0; from < keys.length; from += KEYS_A_CALL) {
        const length = Math.min(KEYS_A_CALL, keys.length - from)
        groups.push(Array.from({ length }, (_, index) => from + index))
      }
      return groups
    }
    return [...grouped(keys, slotOf).values()]
  }

  /** Replies in the order of the calls, values as bytes. Throws the first failure. */
  async send(calls: readonly RedisCall[], step: string): Promise<unknown[]> {
    try {
      return await this.#send(calls)
    } catch (error) {
      if (!isScriptUnknown(error)) throw this.#told(error, step)
    }
    try {
      await this.#loadScripts()
      return await this.#send(calls)
    } catch (error) {
      throw this.#told(error, step)
    }
  }

  /** Which servers take the writes now. */
  async servers(): Promise<RedisServers> {
    try {
      const texts = await Promise.all(this.#masters().map((master) => master.info()))
      return serversOf(texts)
    } catch (error) {
      throw this.#told(error, 'asking which servers there are')
    }
  }

  /** The names that match, in portions; those that are there all the time come at least once. */
  async *scan(pattern: string, step: string): AsyncGenerator<string[]> {
    try {
      for (const master of this.#masters()) {
        let cursor = '0'
        do {
          const [next, names] = await master.scan(cursor, 'MATCH', pattern, 'COUNT', 1000)
          if (names.length > 0) yield names
          cursor = next
        } while (cursor !== '0')
      }
    } catch (error) {
      throw this.#told(error, step)
    }
  }

  close(): void {
    this.#closed = true
    this.#client.disconnect()
  }

  #masters(): Redis[] {
    if (!(this.#client instanceof Cluster)) return [this.#client]
    const masters = this.#client.nodes('master')
    if (masters.length === 0) throw new Error('no master of the cluster is known')
    return masters
  }

  async #loadScripts(): Promise<void> {
    const loading = this.#masters().flatMap((master) =>
      scripts.map(({ text }) => master.script('LOAD', text)),
    )
    await Promise.all(loading)
  }

  async #send(calls: readonly RedisCall[]): Promise<unknown[]> {
    const replies: unknown[] = Array.from({ length: calls.length })
    const pipelines = [...this.#byNode(calls)].map(async (places) => {
      const pipeline = this.#client.pipeline()
      for (const place of places) add(pipeline, calls[place])
      const answers = await pipeline.exec()
      for (const [index, [error, reply]] of (answers ?? []).entries()) {
        if (error !== null) throw error
        replies[places[index]] = reply
      }
    })
    await endOfAll(pipelines)
    return replies
  }

  #byNode(calls: readonly RedisCall[]): Iterable<number[]> {
    const client = this.#client
    if (!(client instanceof Cluster)) return [calls.map((_, place) => place)]
    const firstKeys = calls.map(({ keys }) => keys[0])
    return grouped(firstKeys, (key) => client.slots[slotOf(key)]?.join(';') ?? '').values()
  }

  /** Where the connection is down, why it is says more than that it is. */
  #told(error: unknown, step: string): TidemarkError {
    const told = redisError(error, step)
    const isVague = told.code === 'REDIS_UNAVAILABLE' && this.#client.status !== 'ready'
    return isVague && this.#lastError !== null ? redisError(this.#lastError, step) : told
  }
}

/** A call of a script. */
export function scriptCall(
  { sha }: RedisScript,
  keys: readonly string[],
  rest: readonly RedisArgument[],
): RedisCall {
  return { command: 'evalsha', keys, rest: [sha, ...rest], script: true }
}

function add(pipeline: ChainableCommander, { command, keys, rest, script }: RedisCall): void {
  if (script === true) {
    const [sha, ...values] = rest
    pipeline.call(command, sha, keys.length, ...keys, ...values)
  } else {
    pipeline.callBuffer(command, ...keys, ...rest)
  }
}

function grouped<K>(keys: readonly string[], groupOf: (key: string) => K): Map<K, number[]> {
  const groups = new Map<K, number[]>()
  keys.forEach((key, place) => {
    const group = groupOf(key)
    const places = groups.get(group)
    if (places === undefined) groups.set(group, [place])
    else places.push(place)
  })
  return groups
}

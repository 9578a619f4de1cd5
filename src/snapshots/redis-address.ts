/** Where Redis is, and the client for it: one server, sentinels, or a cluster. */
import { Cluster, Redis } from 'ioredis'
import { configurationError } from '../errors.js'

export interface RedisNode {
  readonly host: string
  readonly port: number
}

/** Exactly one of `url`, `sentinels` and `cluster`. */
export interface RedisAddress {
  /** `redis://[user:password@]host[:port][/db]`, or `rediss://` for TLS. */
  readonly url?: string
  /** Of these, each knows which server is the master called `name`. */
  readonly sentinels?: { readonly name: string; readonly nodes: readonly RedisNode[] }
  /** Some nodes of a cluster; it tells of the others. */
  readonly cluster?: readonly RedisNode[]
  readonly username?: string
  readonly password?: string
  /** Of the sentinels themselves. */
  readonly sentinelPassword?: string
  readonly tls?: boolean
}

export interface RedisTimes {
  /** A server that says nothing for so long, in ms, is given up, and connected to again. */
  readonly silenceMsMax: number
  /** The longest pause before the next attempt to connect, in ms. */
  readonly pauseMsMax: number
}

export type RedisClient = Redis | Cluster

/** A client that has not connected yet. Throws `REDIS_ADDRESS`. */
export function redisClient(address: RedisAddress, times: RedisTimes): RedisClient {
  const { url, sentinels, cluster } = address
  const given = [url, sentinels, cluster].filter((way) => way !== undefined).length
  if (given !== 1)
    throw wrongAddress(`give one of url, sentinels and cluster, not ${given} of them`)
  const options = { ...commonOptions(address, times), ...sayWho(address) }
  const retryStrategy = (times_: number) => pauseMs(times_, times.pauseMsMax)
  if (cluster !== undefined) {
    if (cluster.length === 0) throw wrongAddress('cluster names no node')
    return new Cluster([...cluster], {
      lazyConnect: true,
      enableOfflineQueue: false,
      redisOptions: options,
      clusterRetryStrategy: retryStrategy,
      // A failure of one node is met by our own retries, which know what is waiting.
      maxRedirections: 3,
      slotsRefreshTimeout: times.silenceMsMax,
      slotsRefreshInterval: 5000,
    })
  }
  const single = {
    ...options,
    lazyConnect: true,
    enableOfflineQueue: false,
    retryStrategy,
    ...(sentinels && sentinelOptions(sentinels, address, retryStrategy)),
  }
  return url === undefined ? new Redis(single) : new Redis(checkedUrl(url), single)
}

function commonOptions(address: RedisAddress, times: RedisTimes) {
  return {
    // Nothing here needs RESP3, and proxies and old servers know RESP2.
    protocol: 2 as const,
    // A command that met a broken connection is not sent again behind our back, for it might meet
    // another server: whoever sent it looks first.
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    connectTimeout: times.silenceMsMax,
    socketTimeout: times.silenceMsMax,
    // Another look at the address, or at the sentinels, may find the new master.
    reconnectOnError: (error: Error) => error.message.startsWith('READONLY'),
    ...(address.tls === true && { tls: {} }),
  }
}

function sayWho({ username, password }: RedisAddress) {
  return {
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
  }
}

function sentinelOptions(
  { name, nodes }: { readonly name: string; readonly nodes: readonly RedisNode[] },
  { sentinelPassword, tls }: RedisAddress,
  sentinelRetryStrategy: (times: number) => number,
) {
  if (nodes.length === 0) throw wrongAddress('sentinels names no node')
  return {
    name,
    sentinels: [...nodes],
    sentinelRetryStrategy,
    ...(sentinelPassword !== undefined && { sentinelPassword }),
    ...(tls === true && { enableTLSForSentinelMode: true }),
  }
}

function checkedUrl(url: string): string {
  let parsed: URL
  try {
    parsed = new URL(url)
  } catch {
    // Not the text itself: it may hold a password.
    throw wrongAddress('the url cannot be read')
  }
  if (parsed.protocol !== 'redis:' && parsed.protocol !== 'rediss:') {
    throw wrongAddress(`the url begins with ${parsed.protocol}, not with redis: or rediss:`)
  }
  return url
}

/** The number behind the url's host; 0 without one. */
export function databaseOf({ url }: RedisAddress): number {
  return url === undefined ? 0 : Number(new URL(url).pathname.slice(1)) || 0
}

function pauseMs(times: number, pauseMsMax: number): number {
  return Math.min(pauseMsMax, 50 * 2 ** Math.min(times, 10))
}

export function wrongAddress(text: string): Error {
  return configurationError('REDIS_ADDRESS', `address of Redis: ${text}`)
}

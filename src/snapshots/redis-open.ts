import { configurationError } from '../errors.js'
import type { RedisAddress } from './redis-address.js'
import { RedisKeys } from './redis-keys.js'
import { RedisLink } from './redis-link.js'
import { type RedisStoreOptions, settingsOf } from './redis-options.js'
import { RedisSnapshots } from './redis-snapshots.js'

export interface RedisSnapshotsOptions extends RedisStoreOptions {
  readonly app: string
  /** Of the state: another one has keys of its own. */
  readonly generation: string
  /** Before the names of all keys. */
  readonly keyPrefix?: string
}

/**
 * Opens the store. A Redis that is away holds nothing up: it is written when it is there.
 *
 * Throws `REDIS_ADDRESS`, `REDIS_REFUSED`, `REDIS_EVICTS`, `REDIS_PREFIX_INVALID`.
 *
 * @example
 * const snapshots = await openRedisSnapshots({ url: 'redis://127.0.0.1:6379' }, {
 *   app: 'churn', generation: '1', rows: new OutputTexts(layout),
 *   refill: async (partition, sink) => followSnapshots(
 *     { log, topics, snapshots: sink }, partition, await committed(partition)),
 * })
 */
export async function openRedisSnapshots(
  address: RedisAddress,
  options: RedisSnapshotsOptions,
): Promise<RedisSnapshots> {
  const keys = new RedisKeys(options.app, options.generation, options.keyPrefix)
  const settings = settingsOf(options)
  const link = new RedisLink(address, settings)
  try {
    const away = await link.connect(settings.awayMsMax)
    if (away === null) {
      const { evicts } = await link.servers()
      if (evicts !== null) throw evicting(evicts)
    } else {
      settings.note(`snapshots wait for Redis: ${away.code}: ${away.message}`)
    }
  } catch (error) {
    link.close()
    throw error
  }
  return new RedisSnapshots(link, keys, options)
}

function evicting(policy: string): Error {
  const text = `Redis drops keys when its memory is full (maxmemory-policy ${policy})`
  return configurationError(
    'REDIS_EVICTS',
    `${text}, and customers would be unknown then; set maxmemory-policy noeviction`,
  )
}

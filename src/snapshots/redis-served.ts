/**
 * Which generation of an app lookups are to be answered from: the workers tell it those who have only
 * Redis.
 *
 * V1 What was asked for later in the same log stays. Two who tell at once may leave the older one,
 *    until the other tells again.
 */
import type { StoredApp } from '../features/stored-app.js'
import type { RedisAddress } from './redis-address.js'
import { servedKey } from './redis-keys.js'
import { RedisLink } from './redis-link.js'

const silenceMsMax = 2_000

/** When a generation was asked for. */
export interface ServedVersion {
  /** Id of the log in which that stands. */
  readonly log: string
  /** Counts up from one to the next that is asked for. */
  readonly version: number
}

export interface ServedGeneration extends ServedVersion {
  readonly app: StoredApp
}

export interface RedisServedOptions {
  readonly app: string
  readonly keyPrefix?: string
}

export class RedisServed {
  private constructor(
    private readonly link: RedisLink,
    private readonly key: string,
  ) {}

  /**
   * Opens it, whether Redis is there or not.
   *
   * @throws TidemarkError REDIS_ADDRESS, REDIS_REFUSED, REDIS_PREFIX_INVALID (78)
   */
  static async open(
    address: RedisAddress,
    { app, keyPrefix }: RedisServedOptions,
  ): Promise<RedisServed> {
    const key = servedKey(app, keyPrefix)
    const link = new RedisLink(address, { silenceMsMax, pauseMsMax: 1_000 })
    try {
      await link.connect(silenceMsMax)
      return new RedisServed(link, key)
    } catch (error) {
      link.close()
      throw error
    }
  }

  /**
   * What is told by now; null where nothing is, or nothing else than is known.
   *
   * @throws TidemarkError REDIS_UNAVAILABLE and its like
   */
  async read(known: ServedVersion | null): Promise<ServedGeneration | null> {
    const held = await this.held()
    if (held === null) return null
    if (held.log === known?.log && held.version === known.version) return null
    const [app] = await this.ask(['app'])
    return { ...held, app: JSON.parse(app) as StoredApp }
  }

  /**
   * Tells what is served, unless Redis has that or what was asked for later.
   *
   * @throws TidemarkError REDIS_UNAVAILABLE and its like
   */
  async tell({ log, version, app }: ServedGeneration): Promise<void> {
    const held = await this.held()
    if (held?.log === log && held.version >= version) return
    const rest = ['log', log, 'version', String(version), 'app', JSON.stringify(app)]
    const call = { command: 'hset', keys: [this.key], rest }
    await this.link.send([call], 'telling which generation is served')
  }

  close(): void {
    this.link.close()
  }

  private async held(): Promise<ServedVersion | null> {
    const [log, version] = await this.ask(['log', 'version'])
    return log === '' ? null : { log, version: Number(version) }
  }

  private async ask(fields: readonly string[]): Promise<string[]> {
    const call = { command: 'hmget', keys: [this.key], rest: fields }
    const [reply] = await this.link.send([call], 'asking which generation is served')
    return (reply as (Buffer | null)[]).map((value) => value?.toString() ?? '')
  }
}

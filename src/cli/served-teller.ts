import { setTimeout as sleep } from 'node:timers/promises'
import type { StoredApp } from '../features/stored-app.js'
import { RedisServed } from '../snapshots/redis-served.js'
import type { Config } from '../config/schema.js'
import { redisAddress, redisNames } from './connections.js'
import { generationOf } from './generations.js'
import type { GenerationsTopic } from './generations-topic.js'

const tellEveryMs = 5_000

/** A worker that tells through Redis which generation it runs; again and again, for Redis forgets. */
export class ServedTeller {
  private readonly stopping = new AbortController()
  private pause = new AbortController()
  private readonly telling: Promise<void>

  private constructor(
    private readonly served: RedisServed,
    private readonly log: string,
    private readonly list: GenerationsTopic,
    private readonly current: () => number,
  ) {
    this.telling = this.tell()
  }

  /** null where the configuration names no Redis. `current` is the number of what runs. */
  static async open(
    config: Config,
    log: string,
    list: GenerationsTopic,
    current: () => number,
  ): Promise<ServedTeller | null> {
    const address = redisAddress(config)
    if (address === null) return null
    const { app, appHash } = list.owner!
    const { app: name, keyPrefix } = redisNames(config, { app, appHash })
    const prefix = keyPrefix === undefined ? {} : { keyPrefix }
    const served = await RedisServed.open(address, { app: name, ...prefix })
    return new ServedTeller(served, log, list, current)
  }

  /** Tells at once. */
  changed(): void {
    this.pause.abort()
  }

  async close(): Promise<void> {
    this.stopping.abort()
    this.pause.abort()
    this.served.close()
    await this.telling
  }

  private async tell(): Promise<void> {
    const { signal } = this.stopping
    while (!signal.aborted) {
      const app = this.running()
      if (app !== null) {
        const told = { log: this.log, version: this.list.version, app }
        // Whoever writes rows tells what is wrong with Redis.
        await this.served.tell(told).catch(() => undefined)
      }
      await sleep(tellEveryMs, undefined, { signal: this.pause.signal }).catch(() => undefined)
      this.pause = new AbortController()
    }
  }

  /** null: this worker has not come to what is asked for yet. */
  private running(): StoredApp | null {
    const { list } = this
    return list.asked === this.current() ? generationOf(list.owner, list.asked).app : null
  }
}

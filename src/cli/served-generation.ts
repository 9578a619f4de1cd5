/** The generation that `serve` answers from: that of the configuration, until the workers tell another. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Config } from '../config/schema.js'
import { OutputChanges } from '../events/output-changes.js'
import { OutputRows } from '../events/output-rows.js'
import type { App } from '../features/app.js'
import { compileStored } from '../features/stored-app.js'
import type { HistoryLookup } from '../serving/history.js'
import type { RedisAddress } from '../snapshots/redis-address.js'
import { RedisLookups } from '../snapshots/redis-lookups.js'
import { RedisServed, type ServedVersion } from '../snapshots/redis-served.js'
import { redisNames } from './connections.js'
import { layoutOf } from './layout.js'

const lookEveryMs = 1_000

export interface ServedGenerationOptions {
  readonly config: Config
  readonly address: RedisAddress
  readonly note: (text: string) => void
}

interface Open extends Pick<HistoryLookup, 'rows' | 'changes'> {
  readonly lookups: RedisLookups
}

export class ServedGeneration {
  private readonly stopping = new AbortController()
  private known: ServedVersion | null = null
  private refused = ''

  private constructor(
    private readonly options: ServedGenerationOptions,
    private readonly told: RedisServed,
    private now: Open,
  ) {
    void this.watch()
  }

  /** Raises what `RedisLookups.open` raises. */
  static async open(options: ServedGenerationOptions, app: App): Promise<ServedGeneration> {
    const now = await openLookups(options, app)
    try {
      const { app: name, keyPrefix } = redisNames(options.config, layoutOf(app))
      const prefix = keyPrefix === undefined ? {} : { keyPrefix }
      const told = await RedisServed.open(options.address, { app: name, ...prefix })
      return new ServedGeneration(options, told, now)
    } catch (error) {
      now.lookups.close()
      throw error
    }
  }

  get current(): Open {
    return this.now
  }

  close(): void {
    this.stopping.abort()
    this.told.close()
    this.now.lookups.close()
  }

  private async watch(): Promise<void> {
    const { signal } = this.stopping
    while (!signal.aborted) {
      await this.look().catch((error: unknown) => this.refuse(error))
      await sleep(lookEveryMs, undefined, { signal, ref: false }).catch(() => undefined)
    }
  }

  private async look(): Promise<void> {
    // Where Redis is away, the lookups tell.
    const told = await this.told.read(this.known).catch(() => null)
    if (told === null) return
    const next = await openLookups(this.options, compileStored(told.app))
    if (this.stopping.signal.aborted) return next.lookups.close()
    const before = this.now
    this.now = next
    this.known = told
    before.lookups.close()
  }

  /** What is told cannot be served here: said once. */
  private refuse(error: unknown): void {
    const text = error instanceof Error ? error.message : String(error)
    if (text !== this.refused) {
      this.options.note(`the generation that the workers run cannot be served: ${text}`)
    }
    this.refused = text
  }
}

async function openLookups(
  { config, address, note }: ServedGenerationOptions,
  app: App,
): Promise<Open> {
  const layout = layoutOf(app)
  const lookups = await RedisLookups.open(address, { ...redisNames(config, layout), note })
  return { lookups, rows: new OutputRows(layout), changes: new OutputChanges(layout) }
}

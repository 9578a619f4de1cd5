import type { TidemarkError } from '../errors.js'
import { redisError } from './redis-errors.js'

export interface HealthOptions {
  readonly pauseMsMax: number
  readonly awayMsMax: number
  note(text: string): void
}

const FIRST_PAUSE_MS = 20

/** Whether writes come through, how long to wait before the next, and who waits for that. */
export class RedisHealth {
  failure: TidemarkError | null = null
  readonly #options: HealthOptions
  #pauseMs = FIRST_PAUSE_MS
  #waiting: (() => void)[] = []
  #endPause: () => void = () => undefined

  constructor(options: HealthOptions) {
    this.#options = options
  }

  succeeded(): void {
    if (this.failure !== null) this.#options.note('Redis takes snapshots again')
    this.failure = null
    this.#pauseMs = FIRST_PAUSE_MS
    this.changed()
  }

  /** Waits, longer each time, before the next attempt. */
  async failed(error: unknown): Promise<void> {
    const failure = redisError(error, 'writing snapshots')
    if (this.failure?.code !== failure.code) {
      this.#options.note(`snapshots wait for Redis: ${failure.code}: ${failure.message}`)
    }
    this.failure = failure
    this.changed()
    const pauseMs = this.#pauseMs
    this.#pauseMs = Math.min(this.#options.pauseMsMax, pauseMs * 2)
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, pauseMs)
      this.#endPause = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }

  /** Ends a pause: nobody writes any more. */
  stop(): void {
    this.#endPause()
    this.changed()
  }

  /** Something may be true now that was not before. */
  changed(): void {
    const waiting = this.#waiting
    this.#waiting = []
    for (const wake of waiting) wake()
  }

  change(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve))
  }

  /** Whether it became true before Redis was away for too long; a Redis that works may take longer. */
  async within(isTrue: () => boolean): Promise<boolean> {
    const until = performance.now() + this.#options.awayMsMax
    const timer = setInterval(() => this.changed(), 50)
    try {
      while (!isTrue()) {
        if (performance.now() >= until && this.failure !== null) return false
        await this.change()
      }
      return true
    } finally {
      clearInterval(timer)
    }
  }
}

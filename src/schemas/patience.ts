/** Asking again a server that is away: for ever, or for a while. */
import { setTimeout as sleep } from 'node:timers/promises'
import { TidemarkError } from '../errors.js'

const pauseMsMin = 100
/** How often a person is told that it still lasts. */
const tellEveryMs = 30_000

export class Patience {
  readonly #pauseMsMax: number
  readonly #note: (text: string) => void
  readonly #ending = new AbortController()
  #failure: TidemarkError | null = null
  #toldMs = 0

  constructor(pauseMsMax: number, note: (text: string) => void) {
    this.#pauseMsMax = pauseMsMax
    this.#note = note
  }

  /** What the last attempt failed with; null: it did not. */
  get failure(): TidemarkError | null {
    return this.#failure
  }

  /**
   * Until it succeeds, fails with what no waiting mends, or is ended. Throws the last failure when
   * `patienceMs` are over, which may be Infinity.
   */
  async during<T>(patienceMs: number, attempt: () => Promise<T>): Promise<T> {
    const endMs = Date.now() + patienceMs
    for (let pauseMs = pauseMsMin; ; pauseMs = Math.min(pauseMs * 2, this.#pauseMsMax)) {
      this.#ending.signal.throwIfAborted()
      try {
        const result = await this.#unlessEnded(attempt())
        this.#succeeded()
        return result
      } catch (error) {
        this.#ending.signal.throwIfAborted()
        if (!(error instanceof TidemarkError) || error.retry === 'never') throw error
        this.#failed(error, patienceMs)
        if (Date.now() + pauseMs > endMs) throw error
      }
      await this.sleep(pauseMs)
    }
  }

  /** Rejects with what ended it. */
  async sleep(ms: number): Promise<void> {
    const { signal } = this.#ending
    await sleep(ms, undefined, { signal }).catch(() => signal.throwIfAborted())
  }

  /** Ends all waiting, now and later, with `reason`. */
  end(reason: TidemarkError): void {
    this.#ending.abort(reason)
  }

  /** Leaves alone an attempt that may yet last when it is ended. */
  async #unlessEnded<T>(attempt: Promise<T>): Promise<T> {
    const { signal } = this.#ending
    let end: () => void = () => undefined
    const ended = new Promise<never>((_resolve, reject) => {
      end = () => reject(signal.reason as Error)
      signal.addEventListener('abort', end)
    })
    try {
      return await Promise.race([attempt, ended])
    } finally {
      signal.removeEventListener('abort', end)
    }
  }

  #succeeded(): void {
    if (this.#failure !== null) this.#note(`back again: ${this.#failure.message}`)
    this.#failure = null
  }

  #failed(error: TidemarkError, patienceMs: number): void {
    const now = Date.now()
    if (this.#failure === null || now - this.#toldMs >= tellEveryMs) {
      this.#toldMs = now
      const until = patienceMs === Infinity ? 'until it answers' : `for ${patienceMs / 1000} s`
      this.#note(`${error.code}: ${error.message}; it is asked again ${until}`)
    }
    this.#failure = error
  }
}

/**
 * Work that is dear, a few at a time: a history reads some two hundred blocks of the log, and whoever
 * asks for thousands at once would take memory and the disk's attention from the engine.
 */
import { Problem } from './problems.js'

const AT_ONCE = 4
/** Some seconds of waiting at most. */
const WAITING_MAX = 64

export class Turns {
  #running = 0
  readonly #waiting: (() => void)[] = []

  /**
   * What `work` answers, when its turn has come; null where nobody wants it any more by then.
   *
   * @throws Problem TOO_MANY_HISTORIES where too many wait already, and what `work` throws
   */
  async take<T>(work: () => Promise<T>, isWanted: () => boolean): Promise<T | null> {
    if (this.#running >= AT_ONCE) {
      if (this.#waiting.length >= WAITING_MAX) {
        throw new Problem('TOO_MANY_HISTORIES', `${WAITING_MAX} wait for theirs already`)
      }
      // Whoever ends hands his turn over, so nobody comes in between.
      await new Promise<void>((resolve) => this.#waiting.push(resolve))
    } else this.#running++
    try {
      return isWanted() ? await work() : null
    } finally {
      const next = this.#waiting.shift()
      if (next === undefined) this.#running--
      else next()
    }
  }
}

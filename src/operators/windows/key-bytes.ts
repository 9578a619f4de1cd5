/** What bounds the windows of a key: its accumulators, where they may grow with the events. */
import { OperatorFailed, Refused } from '../events.js'
import type { NamedFold } from './fold.js'
import type { Window } from './key-state.js'

/** Of all accumulators that a key keeps, as `weigh` takes them. */
export const keyBytesMax = 8 * 1024 * 1024

export class KeyBytes {
  /** Whether any accumulator may. */
  readonly grow: boolean

  constructor(private readonly folds: readonly NamedFold[]) {
    this.grow = folds.some(({ fold }) => fold.weigh !== undefined)
  }

  /** @throws OperatorFailed where a function of the user's has answered what is no JSON */
  of(accumulators: readonly unknown[]): number {
    if (!this.grow) return 0
    let bytes = 0
    for (const [i, { name, fold }] of this.folds.entries()) {
      try {
        bytes += fold.weigh?.(accumulators[i]) ?? 0
      } catch (cause) {
        throw new OperatorFailed(`aggregate.${name}`, cause)
      }
    }
    return bytes
  }

  /**
   * That the accumulators of one event find room beside the other windows that stay.
   *
   * @throws Refused STATE_TOO_LARGE
   */
  check(added: number, windows: readonly Window[], stays: (window: Window) => boolean): void {
    let bytes = added
    for (const window of windows) {
      if (stays(window)) bytes += window.bytes ??= this.of(window.accumulators)
    }
    if (bytes <= keyBytesMax) return
    const reason = `the windows of the key would take ${bytes} bytes, at most ${keyBytesMax}`
    throw new Refused({ code: 'STATE_TOO_LARGE', reason })
  }
}

import type { WindowKind } from './window-kind.js'

/**
 * One window over the whole log: it never closes, nothing is late, and its row is told anew by each
 * commit that changed it.
 *
 * @example const aggregate = { window: always(), values: (fold) => ({ count: fold.count() }) }
 */
export function always(): WindowKind {
  return {
    kind: 'always',
    lengthMs: Infinity,
    parameters: [],
    startsOf: () => [0],
    closesAt: () => Infinity,
    lateBound: () => -Infinity,
  }
}

/** How the events of a window become a value. */
import type { Column } from '../../features/rows.js'
import type { At } from '../events.js'

/** A value of a window: pure functions over an accumulator, which is JSON and is never changed in place. */
export interface Fold<V, A, R extends number | string | null> {
  readonly type: Column['type']
  create(): A
  add(accumulator: A, value: V, at: At): A
  /** For sessions that become one, and the tiles of a sliding window. */
  merge(earlier: A, later: A): A
  /** null, a number that is not finite, a throw: there is no value. */
  result(accumulator: A): R
}

/** A fold and the column that it fills. */
export interface NamedFold {
  readonly name: string
  readonly fold: Fold<unknown, unknown, number | string | null>
}

/** A number of an event; null and NaN are left out. */
export type NumberOf<V> = (value: V) => number | null

/** The newest (or oldest) of values: its instant, its offset, itself. */
type Placed<T> = readonly [occurredAt: number, offset: number, value: T] | null

/**
 * Folds to aggregate by. The function of one says the type of the values that it reads: the compiler
 * does not carry it over from the operators.
 *
 * @example
 * const values = { n: fold.count(), top: fold.max((order: { price: number }) => order.price) }
 */
export const fold = {
  /** How many events. */
  count: <V>(): Fold<V, number, number> => ({
    type: 'long',
    create: () => 0,
    add: (count) => count + 1,
    merge: (a, b) => a + b,
    result: (count) => count,
  }),
  /** Added in log order, in doubles; 0 of nothing. */
  sum: <V>(of: NumberOf<V>): Fold<V, number, number> => ({
    type: 'double',
    create: () => 0,
    add: (sum, value) => sum + (numberOr(of(value)) ?? 0),
    merge: (a, b) => a + b,
    result: (sum) => sum,
  }),
  min: <V>(of: NumberOf<V>): Fold<V, number | null, number | null> => extreme(of, Math.min),
  max: <V>(of: NumberOf<V>): Fold<V, number | null, number | null> => extreme(of, Math.max),
  /** Of the event that occurred last; of two at one instant, of the later in the log. */
  latest: <V>(of: (value: V) => string | null): Fold<V, Placed<string>, string | null> => ({
    type: 'string',
    create: () => null,
    add: (newest, value, { occurredAt, offset }) => {
      const text = of(value)
      return text === null ? newest : newer(newest, [occurredAt, offset, text])
    },
    merge: newer,
    result: (newest) => newest?.[2] ?? null,
  }),
  /** One of your own; `type` is that of its column. */
  of: <V, A, R extends number | string | null>(own: Fold<V, A, R>): Fold<V, A, R> => own,
}

function extreme<V>(
  of: NumberOf<V>,
  choose: (a: number, b: number) => number,
): Fold<V, number | null, number | null> {
  const merge = (a: number | null, b: number | null): number | null =>
    a === null || b === null ? (a ?? b) : choose(a, b)
  return {
    type: 'double',
    create: () => null,
    add: (found, value) => merge(found, numberOr(of(value))),
    merge,
    result: (found) => found,
  }
}

const numberOr = (value: number | null): number | null =>
  value === null || !Number.isFinite(value) ? null : value

function newer<T>(a: Placed<T>, b: Placed<T>): Placed<T> {
  if (a === null || b === null) return a ?? b
  return b[0] > a[0] || (b[0] === a[0] && b[1] >= a[1]) ? b : a
}

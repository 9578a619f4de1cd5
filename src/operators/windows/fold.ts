/** How the events of a window become a value. */
import { valueOf, withAdded } from '../../features/exact-sum.js'
import type { Column } from '../../features/rows.js'
import { type At, atOnce } from '../events.js'
import { weigh } from './weigh.js'

/**
 * A value of a window: pure functions over an accumulator, which is JSON and is never changed in
 * place. What JSON has not, NaN, undefined, a Map or a Date, would be another thing after a restart:
 * an event that makes an accumulator of it is a reject `OPERATOR_FAILED`. One that would take what a
 * key keeps beyond 8 MiB is a reject `STATE_TOO_LARGE`.
 */
export interface Fold<V, A, R extends number | string | null> {
  readonly type: Column['type']
  create(): A
  add(accumulator: A, value: V, at: At): A
  /** For sessions that become one, and the tiles of a sliding window. */
  merge(earlier: A, later: A): A
  /**
   * null, a number that is not finite, a throw (for the tiles of a sliding window, also of `merge`):
   * there is no value. So is a text that would take the texts of its row beyond 900,000 bytes.
   */
  result(accumulator: A): R
}

/** A fold and the column that it fills. */
export interface NamedFold {
  readonly name: string
  readonly fold: Fold<unknown, unknown, number | string | null> & {
    /**
     * How many bytes an accumulator takes, where that may grow with the events. Throws where it is
     * none.
     */
    readonly weigh?: (accumulator: unknown) => number
  }
}

/** A number of an event; null and NaN are left out. */
export type NumberOf<V> = (value: V) => number | null

/** The newest (or oldest) of values: its instant, its offset, itself. */
type Placed<T> = readonly [occurredAt: number, offset: number, value: T] | null

/**
 * What the values of a window are made of; `V` is what the operators hand over.
 *
 * Sums and means are exact and rounded once, `latest` goes by time, so neither the order of arrival
 * nor tiles that are merged change a bit of them.
 *
 * @example values: (fold) => ({ n: fold.count(), top: fold.max((order) => order.price) })
 */
export interface Folds<V> {
  /** How many events. */
  readonly count: () => Fold<V, number, number>
  /** 0 of nothing; null from where on it has been beyond the largest double. */
  readonly sum: (of: NumberOf<V>) => Fold<V, Sum, number | null>
  /** null of nothing, and as a sum. */
  readonly mean: (of: NumberOf<V>) => Fold<V, Mean, number | null>
  readonly min: (of: NumberOf<V>) => Fold<V, number | null, number | null>
  readonly max: (of: NumberOf<V>) => Fold<V, number | null, number | null>
  /** Of the event that occurred last; of two at one instant, of the later in the log. */
  readonly latest: (of: (value: V) => string | null) => Fold<V, Placed<string>, string | null>
  /** One of your own; `type` is that of its column. */
  readonly of: <A, R extends number | string | null>(own: Fold<V, A, R>) => Fold<V, A, R>
}

/** Doubles whose exact sum it is (`features/exact-sum.ts`); null: JSON has no infinity. */
type Sum = readonly number[] | null
type Mean = readonly [count: number, sum: Sum]

/** The same functions for every `V`. */
export function foldsOf<V>(): Folds<V> {
  return {
    count: () => ({
      type: 'long',
      create: () => 0,
      add: (count) => count + 1,
      merge: (a, b) => a + b,
      result: (count) => count,
    }),
    sum: (of) => ({
      type: 'double',
      create: () => [],
      add: (sum, value) => plus(sum, numberOr(of(value))),
      merge: joined,
      result: rounded,
    }),
    mean: (of) => ({
      type: 'double',
      create: () => [0, []],
      add: (mean, value) => {
        const number = numberOr(of(value))
        return number === null ? mean : [mean[0] + 1, plus(mean[1], number)]
      },
      merge: (a, b) => [a[0] + b[0], joined(a[1], b[1])],
      result: ([count, sum]) => (count === 0 || sum === null ? null : valueOf(sum) / count),
    }),
    min: (of) => extreme(of, Math.min),
    max: (of) => extreme(of, Math.max),
    latest: (of) => ({
      type: 'string',
      create: () => null,
      add: (newest, value, { occurredAt, offset }) => {
        const text = atOnce(of(value))
        return text === null ? newest : newer(newest, [occurredAt, offset, text])
      },
      merge: newer,
      result: (newest) => newest?.[2] ?? null,
      weigh,
    }),
    of: (own) => ({
      type: own.type,
      create: () => own.create(),
      add: (accumulator, value, at) => own.add(accumulator, value, at),
      merge: (earlier, later) => own.merge(earlier, later),
      result: (accumulator) => own.result(accumulator),
      weigh,
    }),
  }
}

const rounded = (sum: Sum): number | null => (sum === null ? null : valueOf(sum))

function plus(sum: Sum, number: number | null): Sum {
  if (sum === null || number === null) return sum
  const total = withAdded(sum, number)
  return total.every(Number.isFinite) ? total : null
}

const joined = (a: Sum, b: Sum): Sum => (b === null ? null : b.reduce(plus, a))

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
  atOnce(value) === null || !Number.isFinite(value) ? null : value

function newer<T>(a: Placed<T>, b: Placed<T>): Placed<T> {
  if (a === null || b === null) return a ?? b
  return b[0] > a[0] || (b[0] === a[0] && b[1] >= a[1]) ? b : a
}

/**
 * How the values of features are read: most numbers are only copied from the customer's own, the
 * others written by a function (NaN is null). The windows must have been brought to the instant
 * before (`changes.ts`).
 */
import type { CustomerAggregates, FirstEvent } from './aggregates.js'
import { MS_PER_DAY } from './duration.js'
import type { FirstPlan, Slot } from './plan.js'
import type { WindowSpec } from './spec.js'
import { finite } from './totals.js'

/** Writes a value into `into[at]`; a result would be a boxed number for each feature of each row. */
export type WriteNumber = (
  state: CustomerAggregates,
  asOf: number,
  into: Float64Array,
  at: number,
) => void

export type NumberValue =
  /** One of the customer's numbers as it is; it is always finite or NaN. */
  | { readonly kind: 'copy'; readonly from: number }
  /** Whole days since the time at `from`, as long as the window (null: always) reaches it. */
  | { readonly kind: 'days'; readonly from: number; readonly window: WindowSpec | null }
  | { readonly kind: 'write'; readonly write: WriteNumber }

export type TextOf = (state: CustomerAggregates, asOf: number) => string | null

/** Moments and values whose change with time no running window tells. */
export interface TimedParts {
  /** Whole days since the event in a slot, as long as a window (null: always) reaches it. */
  readonly days: { readonly slot: Slot; readonly window: WindowSpec | null }[]
  /** Values that are there as long as the window reaches them. */
  readonly latest: { readonly slot: Slot; readonly window: WindowSpec }[]
  readonly firsts: {
    readonly plan: FirstPlan
    readonly window: WindowSpec
    readonly days: boolean
  }[]
}

export function written(write: WriteNumber): NumberValue {
  return { kind: 'write', write }
}

/** A function for any value, for the inside of other expressions. */
export function writerOf(value: NumberValue): WriteNumber {
  switch (value.kind) {
    case 'write':
      return value.write
    case 'copy':
      return (state, _, into, at) => (into[at] = state.numbers[value.from])
    case 'days':
      return (state, asOf, into, at) =>
        (into[at] = daysAt(state.numbers[value.from], value.window, asOf))
  }
}

/** Whole days since `time` (not finite: never), NaN where the window does not reach it. */
export function daysAt(time: number, window: WindowSpec | null, asOf: number): number {
  if (window !== null && leavesAt(window, time) <= asOf) return Number.NaN
  return finite(wholeDays(asOf - time))
}

/** The instant at which the tile of an event leaves a window. */
export function leavesAt({ lengthMs, tileMs }: WindowSpec, time: number): number {
  return (Math.floor(time / tileMs) + 1) * tileMs + lengthMs
}

/** The oldest event that a window reaches. */
export function firstEvent(
  state: CustomerAggregates,
  plan: FirstPlan,
  window: WindowSpec,
  asOf: number,
): FirstEvent | undefined {
  return state.firsts[plan.index]?.find(({ at }) => leavesAt(window, at) > asOf)
}

export function wholeDays(ms: number): number {
  return Math.floor(ms / MS_PER_DAY)
}

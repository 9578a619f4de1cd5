/**
 * Expressions compiled to functions that write a value: numbers into an array (NaN is null), texts
 * as a result. The windows must have been brought to the instant before (`changes.ts`).
 */
import type { CustomerAggregates, FirstEvent } from './aggregates.js'
import { MS_PER_DAY } from './duration.js'
import type { FirstPlan, Slot } from './plan.js'
import { bigSlot } from './slots.js'
import type { Planner } from './planner.js'
import type { AggregateKind, FeatureExpression, SourceSpec, WindowSpec } from './spec.js'
import { deviation, finite, slotSum, windowSum, windowTotal } from './totals.js'

/** Writes a value into `into[at]`; a result would be a boxed number for each feature of each row. */
export type WriteNumber = (
  state: CustomerAggregates,
  asOf: number,
  into: Float64Array,
  at: number,
) => void

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

/** Compiles expressions against one planner, which learns of all that they read. */
export class ValueCompiler {
  readonly timed: TimedParts = { days: [], latest: [], firsts: [] }

  constructor(private readonly planner: Planner) {}

  number(expression: FeatureExpression): WriteNumber {
    switch (expression.kind) {
      case 'ratio':
        return this.ratio(expression.numerator, expression.denominator)
      case 'change':
        return this.change(expression)
      case 'rate': {
        const { of, source, window } = expression
        const total = this.aggregate(of, source, window)
        const days = window.lengthMs / MS_PER_DAY
        return (state, asOf, into, at) => {
          total(state, asOf, into, at)
          into[at] = finite((into[at] as number) / days)
        }
      }
      case 'tenure':
        return this.daysSince('first', expression.source, null)
      case 'daysSince':
        return this.daysSince(expression.of, expression.source, expression.window)
      default:
        return this.aggregate(expression.kind, expression.source, expression.window)
    }
  }

  /** The text of a `latest` or `first`. */
  text(kind: 'latest' | 'first', spec: SourceSpec, window: WindowSpec | null): TextOf {
    if (kind === 'first' && window !== null) {
      const plan = this.firstIn(spec, window, false)
      return (state, asOf) =>
        (firstEvent(state, plan, window, asOf)?.value ?? null) as string | null
    }
    const { at, text } = this.eventSlot(kind, spec, window)
    if (window === null) return (state) => state.texts[text] as string | null
    return (state, asOf) =>
      leavesAt(window, state.slots[at] as number) > asOf ? (state.texts[text] as string) : null
  }

  private aggregate(kind: AggregateKind, spec: SourceSpec, window: WindowSpec | null): WriteNumber {
    this.planner.reads(spec, window)
    switch (kind) {
      case 'distinct': {
        const { plan, base } = this.planner.distinct(this.planner.source(spec, false), window)
        if (window !== null) {
          return (state, _, into, at) => (into[at] = (state.running as number[])[base] as number)
        }
        return (state, _, into, at) => (into[at] = state.distincts[plan.index]?.tiles.size ?? 0)
      }
      case 'latest':
      case 'first':
        return this.eventNumber(kind, spec, window)
      default:
        return window === null ? this.ever(kind, spec) : this.windowed(kind, spec, window)
    }
  }

  private windowed(
    kind: Exclude<AggregateKind, 'distinct' | 'latest' | 'first'>,
    spec: SourceSpec,
    window: WindowSpec,
  ): WriteNumber {
    const running = (column: 'count' | 'sum' | 'squares' | 'min' | 'max') =>
      this.planner.running(column, this.planner.source(spec, column === 'count'), window)
    if (kind === 'count' || kind === 'min' || kind === 'max') {
      const from = running(kind).column.at
      return (state, _, into, at) => (into[at] = (state.running as number[])[from] as number)
    }
    const sum = running('sum')
    if (kind === 'sum') {
      return (state, _, into, at) => (into[at] = finite(windowSum(state, sum.window, sum.column)))
    }
    const count = running('count').column.at
    if (kind === 'mean') {
      return (state, _, into, at) => {
        const total = windowSum(state, sum.window, sum.column)
        into[at] = finite(total / ((state.running as number[])[count] as number))
      }
    }
    const squares = running('squares')
    return (state, _, into, at) => {
      const total = windowTotal(state, sum.window, sum.column)
      const totalSquares = windowTotal(state, squares.window, squares.column)
      into[at] = deviation((state.running as number[])[count] as number, total, totalSquares)
    }
  }

  private ever(
    kind: Exclude<AggregateKind, 'distinct' | 'latest' | 'first'>,
    spec: SourceSpec,
  ): WriteNumber {
    const slot = (column: 'count' | 'sum' | 'squares' | 'min' | 'max'): number =>
      this.planner.slot(column, this.planner.source(spec, column === 'count'), null).at
    if (kind === 'count' || kind === 'min' || kind === 'max') {
      const from = slot(kind)
      return (state, _, into, at) => (into[at] = state.slots[from] as number)
    }
    const sum = slot('sum')
    if (kind === 'sum') {
      return (state, _, into, at) => (into[at] = finite(slotSum(state, sum)))
    }
    const count = slot('count')
    if (kind === 'mean') {
      return (state, _, into, at) =>
        (into[at] = finite(slotSum(state, sum) / (state.slots[count] as number)))
    }
    const squares = slot('squares')
    return (state, _, into, at) => {
      const total = bigSlot(state, sum, false)
      into[at] = deviation(state.slots[count] as number, total, bigSlot(state, squares, true))
    }
  }

  private eventNumber(
    kind: 'latest' | 'first',
    spec: SourceSpec,
    window: WindowSpec | null,
  ): WriteNumber {
    if (kind === 'first' && window !== null) {
      const plan = this.firstIn(spec, window, false)
      return (state, asOf, into, at) => {
        const value = firstEvent(state, plan, window, asOf)?.value
        into[at] = typeof value === 'number' ? value : Number.NaN
      }
    }
    const from = this.eventSlot(kind, spec, window).at
    if (window === null) {
      return (state, _, into, at) => (into[at] = state.slots[from + 2] as number)
    }
    return (state, asOf, into, at) => {
      const isReached = leavesAt(window, state.slots[from] as number) > asOf
      into[at] = isReached ? (state.slots[from + 2] as number) : Number.NaN
    }
  }

  private eventSlot(kind: 'latest' | 'first', spec: SourceSpec, window: WindowSpec | null): Slot {
    this.planner.reads(spec, window)
    const slot = this.planner.slot(kind, this.planner.source(spec, false), window)
    if (window !== null) this.timed.latest.push({ slot, window })
    return slot
  }

  private daysSince(
    of: 'latest' | 'first',
    spec: SourceSpec,
    window: WindowSpec | null,
  ): WriteNumber {
    if (of === 'first' && window !== null) {
      const plan = this.firstIn(spec, window, true)
      return (state, asOf, into, at) => {
        const event = firstEvent(state, plan, window, asOf)
        into[at] = event === undefined ? Number.NaN : wholeDays(asOf - event.at)
      }
    }
    this.planner.reads(spec, window)
    const kind = of === 'latest' ? 'newest' : 'oldest'
    const slot = this.planner.slot(kind, this.planner.source(spec, true), window)
    this.timed.days.push({ slot, window })
    if (window !== null) this.timed.latest.push({ slot, window })
    const from = slot.at
    return (state, asOf, into, at) => {
      const time = state.slots[from] as number
      const isReached = window === null || leavesAt(window, time) > asOf
      into[at] = isReached ? finite(wholeDays(asOf - time)) : Number.NaN
    }
  }

  private firstIn(spec: SourceSpec, window: WindowSpec, days: boolean): FirstPlan {
    this.planner.reads(spec, window)
    const plan = this.planner.firstIn(this.planner.source(spec, days), window)
    this.timed.firsts.push({ plan, window, days })
    return plan
  }

  private ratio(above: FeatureExpression, below: FeatureExpression): WriteNumber {
    const numerator = this.number(above)
    const denominator = this.number(below)
    const parts = new Float64Array(2)
    return (state, asOf, into, at) => {
      // One after the other and both before the division: a ratio may hold ratios of its own.
      numerator(state, asOf, parts, 0)
      denominator(state, asOf, parts, 1)
      // By 0 the quotient is not finite.
      into[at] = finite((parts[0] as number) / (parts[1] as number))
    }
  }

  private change(expression: Extract<FeatureExpression, { kind: 'change' }>): WriteNumber {
    const { of, source, window, against } = expression
    const short = this.number({ kind: 'rate', of, source, window })
    const long = this.number({ kind: 'rate', of, source, window: against })
    const rates = new Float64Array(2)
    return (state, asOf, into, at) => {
      short(state, asOf, rates, 0)
      long(state, asOf, rates, 1)
      const base = rates[1] as number
      into[at] = finite((((rates[0] as number) - base) / Math.abs(base)) * 100)
    }
  }
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

function wholeDays(ms: number): number {
  return Math.floor(ms / MS_PER_DAY)
}

/**
 * Expressions compiled to what reads their values: most numbers are only copied from the customer's
 * own, the others written by a function (NaN is null). The windows must have been brought to the
 * instant before (`changes.ts`).
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

type OneNumber = Exclude<AggregateKind, 'distinct' | 'latest' | 'first'>

/** Compiles expressions against one planner, which learns of all that they read. */
export class ValueCompiler {
  readonly timed: TimedParts = { days: [], latest: [], firsts: [] }

  constructor(private readonly planner: Planner) {}

  number(expression: FeatureExpression): NumberValue {
    switch (expression.kind) {
      case 'ratio':
        return this.ratio(expression.numerator, expression.denominator)
      case 'change':
        return this.change(expression)
      case 'rate':
        return written(this.rate(expression.of, expression.source, expression.window))
      case 'tenure':
        return this.daysSince('first', expression.source, null)
      case 'daysSince':
        return this.daysSince(expression.of, expression.source, expression.window)
      case 'count':
      case 'sum':
      case 'mean':
      case 'min':
      case 'max':
      case 'stddev':
      case 'distinct':
      case 'latest':
      case 'first':
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
    if (window === null) return (state) => state.texts[text]
    return (state, asOf) => (leavesAt(window, state.numbers[at]) > asOf ? state.texts[text] : null)
  }

  private aggregate(kind: AggregateKind, spec: SourceSpec, window: WindowSpec | null): NumberValue {
    this.planner.reads(spec, window)
    switch (kind) {
      case 'distinct': {
        const { plan, base } = this.planner.distinct(this.planner.source(spec, false), window)
        if (window !== null) return { kind: 'copy', from: base }
        return written(
          (state, _, into, at) => (into[at] = state.distincts[plan.index]?.tiles.size ?? 0),
        )
      }
      case 'latest':
      case 'first':
        return this.eventNumber(kind, spec, window)
      case 'count':
      case 'sum':
      case 'mean':
      case 'min':
      case 'max':
      case 'stddev':
        return window === null ? this.ever(kind, spec) : this.windowed(kind, spec, window)
    }
  }

  private windowed(kind: OneNumber, spec: SourceSpec, window: WindowSpec): NumberValue {
    const running = (column: 'count' | 'sum' | 'squares' | 'min' | 'max') =>
      this.planner.running(column, this.planner.source(spec, column === 'count'), window)
    if (kind === 'count' || kind === 'min' || kind === 'max') {
      return { kind: 'copy', from: running(kind).column.at }
    }
    const sum = running('sum')
    if (kind === 'sum') {
      return written(
        (state, _, into, at) => (into[at] = finite(windowSum(state, sum.window, sum.column))),
      )
    }
    const count = running('count').column.at
    if (kind === 'mean') {
      return written((state, _, into, at) => {
        const total = windowSum(state, sum.window, sum.column)
        into[at] = finite(total / state.numbers[count])
      })
    }
    const squares = running('squares')
    return written((state, _, into, at) => {
      const total = windowTotal(state, sum.window, sum.column)
      const totalSquares = windowTotal(state, squares.window, squares.column)
      into[at] = deviation(state.numbers[count], total, totalSquares)
    })
  }

  private ever(kind: OneNumber, spec: SourceSpec): NumberValue {
    const slot = (column: 'count' | 'sum' | 'squares' | 'min' | 'max'): number =>
      this.planner.slot(column, this.planner.source(spec, column === 'count'), null).at
    if (kind === 'count' || kind === 'min' || kind === 'max') {
      return { kind: 'copy', from: slot(kind) }
    }
    const sum = slot('sum')
    if (kind === 'sum') {
      return written((state, _, into, at) => (into[at] = finite(slotSum(state, sum))))
    }
    const count = slot('count')
    if (kind === 'mean') {
      return written(
        (state, _, into, at) => (into[at] = finite(slotSum(state, sum) / state.numbers[count])),
      )
    }
    const squares = slot('squares')
    return written((state, _, into, at) => {
      const total = bigSlot(state, sum, false)
      into[at] = deviation(state.numbers[count], total, bigSlot(state, squares, true))
    })
  }

  private eventNumber(
    kind: 'latest' | 'first',
    spec: SourceSpec,
    window: WindowSpec | null,
  ): NumberValue {
    if (kind === 'first' && window !== null) {
      const plan = this.firstIn(spec, window, false)
      return written((state, asOf, into, at) => {
        const value = firstEvent(state, plan, window, asOf)?.value
        into[at] = typeof value === 'number' ? value : Number.NaN
      })
    }
    const from = this.eventSlot(kind, spec, window).at
    if (window === null) return { kind: 'copy', from: from + 2 }
    return written((state, asOf, into, at) => {
      const isReached = leavesAt(window, state.numbers[from]) > asOf
      into[at] = isReached ? state.numbers[from + 2] : Number.NaN
    })
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
  ): NumberValue {
    if (of === 'first' && window !== null) {
      const plan = this.firstIn(spec, window, true)
      return written((state, asOf, into, at) => {
        const event = firstEvent(state, plan, window, asOf)
        into[at] = event === undefined ? Number.NaN : wholeDays(asOf - event.at)
      })
    }
    this.planner.reads(spec, window)
    const kind = of === 'latest' ? 'newest' : 'oldest'
    const slot = this.planner.slot(kind, this.planner.source(spec, true), window)
    this.timed.days.push({ slot, window })
    if (window !== null) this.timed.latest.push({ slot, window })
    return { kind: 'days', from: slot.at, window }
  }

  private firstIn(spec: SourceSpec, window: WindowSpec, days: boolean): FirstPlan {
    this.planner.reads(spec, window)
    const plan = this.planner.firstIn(this.planner.source(spec, days), window)
    this.timed.firsts.push({ plan, window, days })
    return plan
  }

  private rate(of: 'count' | 'sum', spec: SourceSpec, window: WindowSpec): WriteNumber {
    const total = this.aggregate(of, spec, window)
    const days = window.lengthMs / MS_PER_DAY
    if (total.kind === 'copy') {
      const { from } = total
      return (state, _, into, at) => (into[at] = finite(state.numbers[from] / days))
    }
    const write = writerOf(total)
    return (state, asOf, into, at) => {
      write(state, asOf, into, at)
      into[at] = finite(into[at] / days)
    }
  }

  private ratio(above: FeatureExpression, below: FeatureExpression): NumberValue {
    const numerator = writerOf(this.number(above))
    const denominator = writerOf(this.number(below))
    // Its own, for a ratio may hold ratios.
    const parts = new Float64Array(2)
    return written((state, asOf, into, at) => {
      numerator(state, asOf, parts, 0)
      denominator(state, asOf, parts, 1)
      // By 0 the quotient is not finite.
      into[at] = finite(parts[0] / parts[1])
    })
  }

  private change(expression: Extract<FeatureExpression, { kind: 'change' }>): NumberValue {
    const { of, source, window, against } = expression
    const short = this.rate(of, source, window)
    const long = this.rate(of, source, against)
    const rates = new Float64Array(2)
    return written((state, asOf, into, at) => {
      short(state, asOf, rates, 0)
      long(state, asOf, rates, 1)
      const base = rates[1]
      into[at] = finite(((rates[0] - base) / Math.abs(base)) * 100)
    })
  }
}

function written(write: WriteNumber): NumberValue {
  return { kind: 'write', write }
}

/** A function for any value, for the inside of other expressions. */
function writerOf(value: NumberValue): WriteNumber {
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

function wholeDays(ms: number): number {
  return Math.floor(ms / MS_PER_DAY)
}

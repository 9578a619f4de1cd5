/** Compiles the expressions of features to what reads their values. */
import type { CustomerAggregates } from './aggregates.js'
import { MS_PER_DAY } from './duration.js'
import type { ColumnKind, FirstPlan, Slot } from './plan.js'
import type { Planner } from './planner.js'
import { bigSlot } from './slots.js'
import type { AggregateKind, FeatureExpression, SourceSpec, WindowSpec } from './spec.js'
import { deviation, finite, slotSum, windowSum, windowTotal } from './totals.js'
import {
  firstEvent,
  leavesAt,
  wholeDays,
  writerOf,
  written,
  type NumberValue,
  type TextOf,
  type TimedParts,
  type WriteNumber,
} from './values.js'

/** A column over a window, or a slot. */
interface Part {
  /** Where its first double stands among the customer's numbers. */
  readonly at: number
  /** The sum rounded once, and the exact total of values or squares. */
  readonly sum: (state: CustomerAggregates) => number
  readonly total: (state: CustomerAggregates) => bigint
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
    const running = (column: ColumnKind) =>
      this.planner.running(column, this.planner.source(spec, column === 'count'), window)
    return this.oneNumber(kind, (column) => {
      const { window: over, column: one } = running(column)
      return {
        at: one.at,
        sum: (state) => windowSum(state, over, one),
        total: (state) => windowTotal(state, over, one),
      }
    })
  }

  private ever(kind: OneNumber, spec: SourceSpec): NumberValue {
    return this.oneNumber(kind, (column) => {
      const source = this.planner.source(spec, column === 'count')
      const { at } = this.planner.slot(column, source, null)
      return {
        at,
        sum: (state) => slotSum(state, at),
        total: (state) => bigSlot(state, at, column === 'squares'),
      }
    })
  }

  private oneNumber(kind: OneNumber, partOf: (column: ColumnKind) => Part): NumberValue {
    if (kind === 'count' || kind === 'min' || kind === 'max') {
      return { kind: 'copy', from: partOf(kind).at }
    }
    const sum = partOf('sum')
    if (kind === 'sum') return written((state, _, into, at) => (into[at] = finite(sum.sum(state))))
    const count = partOf('count').at
    if (kind === 'mean') {
      return written(
        (state, _, into, at) => (into[at] = finite(sum.sum(state) / state.numbers[count])),
      )
    }
    return this.deviation(count, sum, partOf('squares'))
  }

  /**
   * Exact arithmetic on big integers is dear, so the last result is kept among the customer's
   * numbers, behind the doubles that it was made of; of totals that those cannot hold (NaN), none.
   */
  private deviation(count: number, sum: Part, squares: Part): NumberValue {
    const from = [count, sum.at, sum.at + 1, squares.at, squares.at + 1, squares.at + 2]
    const memo = this.planner.reserve([...from.map(() => Number.NaN), Number.NaN])
    const result = memo + from.length
    return written((state, _, into, at) => {
      const { numbers } = state
      let isKept = true
      for (let i = 0; i < from.length; i++) {
        if (numbers[memo + i] !== numbers[from[i]]) isKept = false
        numbers[memo + i] = numbers[from[i]]
      }
      if (!isKept) {
        numbers[result] = deviation(numbers[count], sum.total(state), squares.total(state))
      }
      into[at] = numbers[result]
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

/** `read`: the values of a customer at an instant, written into a row. */
import type { CustomerAggregates } from './aggregates.js'
import type { Advance, EligiblePlan } from './changes.js'
import { HEAD } from './plan.js'
import type { FeatureRows } from './rows.js'
import { daysAt, type NumberValue, type TextOf } from './values.js'

export interface ReadPlan {
  /** In declared order of the numeric columns, and of the string columns. */
  readonly numbers: readonly NumberValue[]
  readonly texts: readonly TextOf[]
  readonly advance: Advance
  readonly eligible: EligiblePlan | null
  readonly retireAfterMs: number
}

export type Read = (state: CustomerAggregates, asOf: number, rows: FeatureRows, row: number) => void

/** Values of one kind, each with the numeric column that it goes to. */
type Placed<K extends NumberValue['kind']> = Extract<NumberValue, { kind: K }> & {
  readonly to: number
}

export function readOf(plan: ReadPlan): Read {
  const { numbers, texts, advance, eligible, retireAfterMs } = plan
  const copies = placed(numbers, 'copy')
  const days = placed(numbers, 'days')
  const written = placed(numbers, 'write')
  return (state, asOf, rows, row) => {
    const own = state.numbers
    const into = rows.numbers
    const from = row * numbers.length
    const fromText = row * texts.length
    const newest = own[HEAD.newest]
    if (newest === -Infinity) {
      into.fill(Number.NaN, from, from + numbers.length)
      for (let i = 0; i < texts.length; i++) rows.strings[fromText + i] = null
      rows.validUntil[row] = Infinity
      rows.retired[row] = false
      rows.eligible[row] = false
      return
    }
    // First, for it brings the running windows to this instant.
    const next = advance(state, asOf)
    for (let i = 0; i < copies.length; i++) {
      const { to, from: place } = copies[i]
      into[from + to] = own[place]
    }
    for (let i = 0; i < days.length; i++) {
      const { to, from: place, window } = days[i]
      into[from + to] = daysAt(own[place], window, asOf)
    }
    for (let i = 0; i < written.length; i++) {
      const { to, write } = written[i]
      write(state, asOf, into, from + to)
    }
    for (let i = 0; i < texts.length; i++) {
      rows.strings[fromText + i] = texts[i](state, asOf)
    }
    const retiredFrom = newest + retireAfterMs
    rows.retired[row] = asOf >= retiredFrom
    // A retired customer has no timers, but his values go on changing: the row must not claim more.
    rows.validUntil[row] = asOf >= retiredFrom ? next : Math.min(next, retiredFrom)
    rows.eligible[row] = isEligible(eligible, own, asOf)
  }
}

function placed<K extends NumberValue['kind']>(
  values: readonly NumberValue[],
  kind: K,
): readonly Placed<K>[] {
  const all = values.map((value, to) => ({ ...value, to }))
  return all.filter((value) => value.kind === kind) as unknown as Placed<K>[]
}

/** As the engine's `nextChange`: retiring is a change, and the last one that a timer tells. */
export function nextChangeOf({ advance, retireAfterMs }: ReadPlan) {
  return (state: CustomerAggregates, asOf: number): number => {
    const newest = state.numbers[HEAD.newest]
    if (newest === -Infinity) return Infinity
    const retiredFrom = newest + retireAfterMs
    return asOf >= retiredFrom ? Infinity : Math.min(advance(state, asOf), retiredFrom)
  }
}

/** Without a declared eligibility every seen customer is. */
function isEligible(plan: EligiblePlan | null, numbers: readonly number[], asOf: number): boolean {
  return plan === null || numbers[plan.slot.at] >= asOf - plan.withinMs
}

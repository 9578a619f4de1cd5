/** `read`: the values of a customer at an instant, written into a row. */
import type { CustomerAggregates } from './aggregates.js'
import type { Advance, EligiblePlan } from './changes.js'
import type { FeatureRows } from './rows.js'
import type { TextOf, WriteNumber } from './values.js'

export interface ReadPlan {
  /** In declared order of the numeric columns, and of the string columns. */
  readonly numbers: readonly WriteNumber[]
  readonly texts: readonly TextOf[]
  readonly advance: Advance
  readonly eligible: EligiblePlan | null
  readonly retireAfterMs: number
}

export type Read = (state: CustomerAggregates, asOf: number, rows: FeatureRows, row: number) => void

export function readOf(plan: ReadPlan): Read {
  const { numbers, texts, advance, retireAfterMs } = plan
  return (state, asOf, rows, row) => {
    const fromNumber = row * numbers.length
    const fromText = row * texts.length
    if (state.newest === -Infinity) {
      rows.numbers.fill(Number.NaN, fromNumber, fromNumber + numbers.length)
      for (let i = 0; i < texts.length; i++) rows.strings[fromText + i] = null
      rows.validUntil[row] = Infinity
      rows.retired[row] = false
      rows.eligible[row] = false
      return
    }
    // First, for it brings the running windows to this instant.
    const next = advance(state, asOf)
    for (let i = 0; i < numbers.length; i++) {
      ;(numbers[i] as WriteNumber)(state, asOf, rows.numbers, fromNumber + i)
    }
    for (let i = 0; i < texts.length; i++) {
      rows.strings[fromText + i] = (texts[i] as TextOf)(state, asOf)
    }
    const retiredFrom = state.newest + retireAfterMs
    rows.retired[row] = asOf >= retiredFrom
    // A retired customer has no timers, but his values go on changing: the row must not claim more.
    rows.validUntil[row] = asOf >= retiredFrom ? next : Math.min(next, retiredFrom)
    rows.eligible[row] = isEligible(plan.eligible, state, asOf)
  }
}

/** As the engine's `nextChange`: retiring is a change, and the last one that a timer tells. */
export function nextChangeOf({ advance, retireAfterMs }: ReadPlan) {
  return (state: CustomerAggregates, asOf: number): number => {
    if (state.newest === -Infinity) return Infinity
    const retiredFrom = state.newest + retireAfterMs
    return asOf >= retiredFrom ? Infinity : Math.min(advance(state, asOf), retiredFrom)
  }
}

/** Without a declared eligibility every seen customer is. */
function isEligible(plan: EligiblePlan | null, state: CustomerAggregates, asOf: number): boolean {
  return plan === null || (state.slots[plan.slot.at] as number) >= asOf - plan.withinMs
}

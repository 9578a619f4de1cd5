/**
 * When values change by time alone: brings a customer's windows to an instant and tells the next
 * one at which anything may change.
 *
 * The instants come from a fixed set that the state alone gives (a tile leaves a window, one more
 * day has passed, an event leaves the window of eligibility); the answer is the first of them
 * after asOf. So for A ≤ B < next(A) it is next(B) = next(A), and a timer set once stays right.
 */
import type { CustomerAggregates, DistinctValues } from './aggregates.js'
import { MS_PER_DAY } from './duration.js'
import type { DistinctWindow, Plan, Slot } from './plan.js'
import { advanceWindows } from './running.js'
import { firstEvent, leavesAt, type TimedParts } from './values.js'

/** Eligibility: an event in the exact window before asOf. */
export interface EligiblePlan {
  readonly slot: Slot
  readonly withinMs: number
}

/** Makes the running values those of `asOf`; the first instant after it at which one may change. */
export type Advance = (state: CustomerAggregates, asOf: number) => number

export function advanceOf(plan: Plan, timed: TimedParts, eligible: EligiblePlan | null): Advance {
  const distincts = plan.distinctWindows.filter(({ lengthMs }) => lengthMs !== Infinity)
  const days = unique(timed.days)
  const latest = unique(timed.latest)
  const { firsts } = timed
  return (state, asOf) => {
    const { slots } = state
    let next = advanceWindows(plan, state, asOf)
    for (let i = 0; i < days.length; i++) {
      const { slot, window } = days[i] as TimedParts['days'][number]
      const time = slots[slot.at] as number
      if (time - time !== 0 || (window !== null && leavesAt(window, time) <= asOf)) continue
      next = Math.min(next, nextDay(time, asOf))
    }
    for (let i = 0; i < latest.length; i++) {
      const { slot, window } = latest[i] as TimedParts['latest'][number]
      next = sooner(next, leavesAt(window, slots[slot.at] as number), asOf)
    }
    if (eligible !== null) {
      next = sooner(next, (slots[eligible.slot.at] as number) + eligible.withinMs + 1, asOf)
    }
    for (const window of distincts) next = Math.min(next, advanceDistinct(state, window, asOf))
    for (const one of firsts) {
      const event = firstEvent(state, one.plan, one.window, asOf)
      if (event === undefined) continue
      next = Math.min(next, leavesAt(one.window, event.at))
      if (one.days) next = Math.min(next, nextDay(event.at, asOf))
    }
    return next
  }
}

/** The next instant at which one more whole day has passed since `time`. */
function nextDay(time: number, asOf: number): number {
  return time + (Math.floor((asOf - time) / MS_PER_DAY) + 1) * MS_PER_DAY
}

function sooner(next: number, candidate: number, asOf: number): number {
  return candidate > asOf && candidate < next ? candidate : next
}

/** Counts the values that the window reaches, where that may have changed. */
function advanceDistinct(
  state: CustomerAggregates,
  { plan, lengthMs, base }: DistinctWindow,
  asOf: number,
): number {
  const running = state.running as number[]
  if (asOf >= (running[base + 1] as number) && asOf < (running[base + 2] as number)) {
    return running[base + 2] as number
  }
  let count = 0
  let from = -Infinity
  let exit = Infinity
  const values = state.distincts[plan.index] as DistinctValues | null
  for (const tile of values?.tiles.values() ?? []) {
    const leaves = (tile + 1) * plan.tileMs + lengthMs
    if (leaves > asOf) {
      count++
      if (leaves < exit) exit = leaves
    } else if (leaves > from) from = leaves
  }
  running[base] = count
  running[base + 1] = from
  running[base + 2] = exit
  return exit
}

function unique<T extends { readonly slot: Slot; readonly window: unknown }>(
  parts: readonly T[],
): T[] {
  const keyOf = ({ slot, window }: T): string => `${slot.at} ${JSON.stringify(window)}`
  return [...new Map(parts.map((part) => [keyOf(part), part])).values()]
}

/**
 * When values change by time alone: brings a customer's windows to an instant and tells the next
 * one at which anything may change.
 *
 * The instants come from a fixed set that the state alone gives (a tile leaves a window, one more
 * day has passed, an event leaves the window of eligibility); the answer is the first of them
 * after asOf. So for A ≤ B < next(A) it is next(B) = next(A), and a timer set once stays right.
 */
import type { CustomerAggregates } from './aggregates.js'
import { MS_PER_DAY } from './duration.js'
import { HEAD, type DistinctWindow, type Plan, type Slot } from './plan.js'
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
    const { numbers } = state
    if (asOf >= numbers[HEAD.readAt] && asOf < numbers[HEAD.next]) {
      return numbers[HEAD.next]
    }
    // Most timers are for one more day: then no window has to be looked at.
    const isInside = asOf >= numbers[HEAD.from] && asOf < numbers[HEAD.exit]
    if (!isInside || Number.isNaN(numbers[HEAD.readAt])) advanceWindows(plan, state, asOf)
    let next = numbers[HEAD.exit]
    for (let i = 0; i < days.length; i++) {
      const { slot, window } = days[i]
      const time = numbers[slot.at]
      if (time - time !== 0 || (window !== null && leavesAt(window, time) <= asOf)) continue
      const step = nextDay(time, asOf)
      if (step < next) next = step
    }
    for (let i = 0; i < latest.length; i++) {
      const { slot, window } = latest[i]
      next = sooner(next, leavesAt(window, numbers[slot.at]), asOf)
    }
    if (eligible !== null) {
      next = sooner(next, numbers[eligible.slot.at] + eligible.withinMs + 1, asOf)
    }
    for (let i = 0; i < distincts.length; i++) {
      const exit = advanceDistinct(numbers, state, distincts[i], asOf)
      if (exit < next) next = exit
    }
    for (let i = 0; i < firsts.length; i++) {
      next = Math.min(next, nextOfFirst(state, firsts[i], asOf))
    }
    numbers[HEAD.readAt] = asOf
    numbers[HEAD.next] = next
    return next
  }
}

function nextOfFirst(
  state: CustomerAggregates,
  { plan, window, days }: TimedParts['firsts'][number],
  asOf: number,
): number {
  const event = firstEvent(state, plan, window, asOf)
  if (event === undefined) return Infinity
  const leaves = leavesAt(window, event.at)
  return days ? Math.min(leaves, nextDay(event.at, asOf)) : leaves
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
  numbers: number[],
  state: CustomerAggregates,
  { plan, lengthMs, base }: DistinctWindow,
  asOf: number,
): number {
  if (asOf >= numbers[base + 1] && asOf < numbers[base + 2]) {
    return numbers[base + 2]
  }
  let count = 0
  let from = -Infinity
  let exit = Infinity
  const values = state.distincts[plan.index]
  for (const tile of values?.tiles.values() ?? []) {
    const leaves = (tile + 1) * plan.tileMs + lengthMs
    if (leaves > asOf) {
      count++
      if (leaves < exit) exit = leaves
    } else if (leaves > from) from = leaves
  }
  numbers[base] = count
  numbers[base + 1] = from
  numbers[base + 2] = exit
  return exit
}

function unique<T extends { readonly slot: Slot; readonly window: unknown }>(
  parts: readonly T[],
): T[] {
  const keyOf = ({ slot, window }: T): string => `${slot.at} ${JSON.stringify(window)}`
  return [...new Map(parts.map((part) => [keyOf(part), part])).values()]
}

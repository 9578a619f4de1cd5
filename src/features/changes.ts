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
    if (asOf >= (numbers[HEAD.readAt] as number) && asOf < (numbers[HEAD.next] as number)) {
      return numbers[HEAD.next] as number
    }
    // Most timers are for one more day: then no window has to be looked at.
    const isInside = asOf >= (numbers[HEAD.from] as number) && asOf < (numbers[HEAD.exit] as number)
    if (!isInside || Number.isNaN(numbers[HEAD.readAt])) advanceWindows(plan, state, asOf)
    let next = numbers[HEAD.exit] as number
    for (let i = 0; i < days.length; i++) {
      const { slot, window } = days[i] as TimedParts['days'][number]
      const time = numbers[slot.at] as number
      if (time - time !== 0 || (window !== null && leavesAt(window, time) <= asOf)) continue
      const step = nextDay(time, asOf)
      if (step < next) next = step
    }
    for (let i = 0; i < latest.length; i++) {
      const { slot, window } = latest[i] as TimedParts['latest'][number]
      next = sooner(next, leavesAt(window, numbers[slot.at] as number), asOf)
    }
    if (eligible !== null) {
      next = sooner(next, (numbers[eligible.slot.at] as number) + eligible.withinMs + 1, asOf)
    }
    for (let i = 0; i < distincts.length; i++) {
      const exit = advanceDistinct(numbers, state, distincts[i] as DistinctWindow, asOf)
      if (exit < next) next = exit
    }
    for (let i = 0; i < firsts.length; i++) {
      next = Math.min(next, nextOfFirst(state, firsts[i] as TimedParts['firsts'][number], asOf))
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
  if (asOf >= (numbers[base + 1] as number) && asOf < (numbers[base + 2] as number)) {
    return numbers[base + 2] as number
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

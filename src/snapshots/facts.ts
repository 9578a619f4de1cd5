/**
 * What is stored beside a customer's newest row, as numbers of an array: thousands of customers
 * change with each write, and objects for them would be made and thrown away as often.
 *
 * F1 As many places are open as changes fill no block, `changes % 16`; which is why there is no
 *    count of them.
 */
import { type DayScores, noScores } from './day-scores.js'
import { blockChanges, blockSlots, noPlaces, type Places } from './stored-changes.js'

/** What is stored beside a customer's newest row, so that nothing else need be read for a write. */
export interface StoredFacts {
  /** How many changes of his there have been. */
  readonly changes: number
  /** Where those are that fill no block yet. */
  readonly open: Places
  readonly days: DayScores
}

export const noFacts: StoredFacts = { changes: 0, open: noPlaces, days: noScores }

/** Numbers of a customer. */
export const factsStride = 40

const CHANGES = 0
const DAYS = 1
/** Pairs of a day and its score. */
const FIRST_DAY = 2
const DAYS_MAX = 3
/** Pairs of offsets. */
const FIRST_PLACE = FIRST_DAY + 2 * DAYS_MAX

/** A customer's numbers are those from `at` on. */
export type Facts = Float64Array

/** A block that is full, for the slot of a ring. */
export type FullBlock = readonly [slot: number, places: Places]

export function clearFacts(facts: Facts, at: number): void {
  facts[at + CHANGES] = 0
  facts[at + DAYS] = 0
}

export function loadFacts(facts: Facts, at: number, { changes, open, days }: StoredFacts): void {
  facts[at + CHANGES] = changes
  facts[at + DAYS] = days.length / 2
  facts.set(days, at + FIRST_DAY)
  facts.set(open, at + FIRST_PLACE)
}

export function storedFacts(facts: Facts, at: number): StoredFacts {
  return {
    changes: facts[at + CHANGES],
    open: [...facts.subarray(at + FIRST_PLACE, openEnd(facts, at))],
    days: daysIn(facts, at),
  }
}

export function changesIn(facts: Facts, at: number): number {
  return facts[at + CHANGES]
}

export function daysIn(facts: Facts, at: number): DayScores {
  return [...facts.subarray(at + FIRST_DAY, daysEnd(facts, at))]
}

/** Where the open places begin; they end at `openEnd`. */
export function openFrom(at: number): number {
  return at + FIRST_PLACE
}

export function openEnd(facts: Facts, at: number): number {
  return at + FIRST_PLACE + 2 * (facts[at + CHANGES] % blockChanges)
}

/** Where the days begin; they end at `daysEnd`. */
export function daysFrom(at: number): number {
  return at + FIRST_DAY
}

export function daysEnd(facts: Facts, at: number): number {
  return at + FIRST_DAY + 2 * facts[at + DAYS]
}

/**
 * Adds changes of which the newest are at `places`: all, or more than fill a block. Blocks that become
 * full by it go into `full`, but for those whose slots later ones take.
 */
export function addChanges(
  facts: Facts,
  at: number,
  places: Places,
  count: number,
  full: FullBlock[] | null,
): void {
  const end = facts[at + CHANGES] + count
  const from = end - places.length / 2
  const firstBlock = Math.floor(end / blockChanges) - blockSlots
  const open = at + FIRST_PLACE
  for (let change = from; change < end; change++) {
    const place = open + 2 * (change % blockChanges)
    facts[place] = places[2 * (change - from)]
    facts[place + 1] = places[2 * (change - from) + 1]
    if (full === null || change % blockChanges !== blockChanges - 1) continue
    const block = Math.floor(change / blockChanges)
    if (block < firstBlock) continue
    // Of what came before `from` nothing is known where not all places are given.
    const isCut = places.length / 2 < count && from > block * blockChanges
    const first = isCut ? open + 2 * (from % blockChanges) : open
    full.push([block % blockSlots, [...facts.subarray(first, place + 2)]])
  }
  facts[at + CHANGES] = end
}

/** Adds the score of a day as `withScore` does. */
export function addDay(facts: Facts, at: number, day: number, probability: number): void {
  if (Number.isNaN(probability)) return
  const count = facts[at + DAYS]
  const first = at + FIRST_DAY
  let place = first + 2 * count
  if (count > 0) {
    const last = facts[place - 2]
    if (last > day) return
    if (last === day) place -= 2
    else if (count === DAYS_MAX) {
      facts.copyWithin(first, first + 2, place)
      place -= 2
    }
  }
  facts[place] = day
  facts[place + 1] = probability
  facts[at + DAYS] = (place + 2 - first) / 2
}

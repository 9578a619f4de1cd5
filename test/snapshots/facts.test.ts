/** The facts beside a row against lists of all that ever was. */
import { expect, test } from 'vitest'
import { type DayScores, noScores, withScore } from '../../src/snapshots/day-scores.js'
import {
  addChanges,
  addDay,
  clearFacts,
  type Facts,
  factsStride,
  type FullBlock,
  loadFacts,
  storedFacts,
} from '../../src/snapshots/facts.js'
import { blockChanges, blockSlots, keptChanges } from '../../src/snapshots/stored-changes.js'
import { seededRandom } from '../support/random.js'

/** The places that a reader finds: those of the slots, and the open ones. */
function readable(slots: Map<number, readonly number[]>, facts: Facts, at: number): Set<number> {
  const { open } = storedFacts(facts, at)
  const all = [...slots.values(), open].flat()
  return new Set(all.filter((_, index) => index % 2 === 0))
}

test.each([1, 2, 3, 4])('the newest hundred changes can be found (seed %i)', (seed) => {
  const random = seededRandom(seed)
  const facts = new Float64Array(3 * factsStride)
  const at = factsStride
  const slots = new Map<number, readonly number[]>()
  const offsets: number[] = []
  let next = 1
  clearFacts(facts, at)
  for (let write = 0; write < 200; write++) {
    const count = random.below(20) === 0 ? random.below(400) : random.below(20)
    const places: number[] = []
    for (let change = 0; change < count; change++) {
      next += 1 + random.below(50)
      offsets.push(next)
      places.push(next, next + 7)
    }
    const given = places.slice(-2 * keptChanges)
    const full: FullBlock[] = []
    addChanges(facts, at, given, count, full)
    expect(full.length).toBeLessThanOrEqual(blockSlots)
    expect(new Set(full.map(([slot]) => slot)).size).toBe(full.length)
    for (const [slot, block] of full) slots.set(slot, block)
    const { changes, open } = storedFacts(facts, at)
    expect(changes).toBe(offsets.length)
    expect(open.length / 2).toBe(offsets.length % blockChanges)
    const found = readable(slots, facts, at)
    const missing = offsets.slice(-keptChanges).filter((offset) => !found.has(offset))
    expect(missing).toEqual([])
    const all = new Set(offsets)
    expect([...found].filter((offset) => !all.has(offset))).toEqual([])
  }
  expect(facts.subarray(0, at).every((number) => number === 0)).toBe(true)
  expect(facts.subarray(at + factsStride).every((number) => number === 0)).toBe(true)
})

test('scores of days are added as to a list of them', () => {
  const random = seededRandom(5)
  const facts = new Float64Array(factsStride)
  let days: DayScores = noScores
  for (let added = 0; added < 300; added++) {
    const day = 20_000 + Math.floor(added / 5) - random.below(2)
    const score = random.below(10) === 0 ? NaN : Math.fround(random.below(100) / 100)
    days = withScore(days, day, score)
    addDay(facts, 0, day, score)
    expect(storedFacts(facts, 0).days).toEqual(days)
  }
})

test('what was stored is what is loaded', () => {
  const facts = new Float64Array(factsStride)
  const stored = { changes: 18, open: [5, 9, 2 ** 52, 2 ** 52 - 3], days: [20_000, 0.5] }
  loadFacts(facts, 0, stored)
  expect(storedFacts(facts, 0)).toEqual(stored)
})

import { expect, test } from 'vitest'
import { Timers, type Timer } from '../../src/state/timers.js'
import { seededRandom } from '../support/random.js'

const minute = 60_000

function takeAll(timers: Timers, asOf: number): Timer[] {
  const taken: Timer[] = []
  for (let timer = timers.take(asOf); timer !== null; timer = timers.take(asOf)) taken.push(timer)
  return taken
}

const told = (timers: readonly Timer[]): string[] =>
  timers.map(({ customer, due }) => `${due} ${customer}`)

test.each([
  { name: 'far apart', grainMs: 1, reachMs: 400 * minute, takeEvery: 500 },
  { name: 'many at one instant', grainMs: minute, reachMs: 12 * minute, takeEvery: 20 },
])('timers are taken by instant and customer: $name', ({ grainMs, reachMs, takeEvery }) => {
  const random = seededRandom(7)
  const timers = new Timers()
  const model = new Map<string, number>()
  let asOf = 0
  for (let step = 0; step < 20_000; step++) {
    const customer = `c${random.below(300)}`
    // Mostly far away, and most of them replaced: what lies in buckets is swept several times.
    const at = Math.ceil((asOf + 1 + random.below(reachMs)) / grainMs) * grainMs
    const due = random.below(50) === 0 ? Infinity : at
    timers.arm(customer, due)
    if (due === Infinity) model.delete(customer)
    else model.set(customer, due)
    if (random.below(takeEvery) > 0) continue
    asOf += random.below(reachMs / 20)
    const wanted = [...model]
      .filter(([, at]) => at <= asOf)
      .map(([one, at]) => ({ customer: one, due: at }))
      .sort((a, b) => a.due - b.due || (a.customer < b.customer ? -1 : 1))
    expect(told(timers.peek(asOf, 5))).toEqual(told(wanted.slice(0, 5)))
    // Sometimes not all of them, and others are armed before the rest is taken.
    const some = random.below(3) === 0 ? wanted.slice(0, random.below(20)) : wanted
    const taken = some === wanted ? takeAll(timers, asOf) : some.map(() => timers.take(asOf)!)
    expect(told(taken)).toEqual(told(some))
    for (const one of some) model.delete(one.customer)
  }
  for (const [customer, due] of model) expect(timers.dueOf(customer)).toBe(due)
  expect(timers.size).toBeLessThanOrEqual(300)
  expect(timers.first()).toBe(Math.min(...model.values()))
})

test('a row emitted early leaves its entry, and a late one replaces it', () => {
  const timers = new Timers()
  timers.arm('a', 100 * minute)
  timers.emitted('a', 50 * minute, 200 * minute)
  expect(timers.dueOf('a')).toBe(100 * minute)
  timers.emitted('a', 50 * minute, 70 * minute)
  expect(timers.dueOf('a')).toBe(70 * minute)
  timers.emitted('a', 80 * minute, 300 * minute)
  expect(timers.dueOf('a')).toBe(300 * minute)
  expect(takeAll(timers, 299 * minute)).toEqual([])
  timers.emitted('a', 299 * minute, Infinity)
  expect(timers.dueOf('a')).toBe(300 * minute)
  timers.arm('a', Infinity)
  expect(timers.dueOf('a')).toBeUndefined()
  expect(takeAll(timers, 1000 * minute)).toEqual([])
})

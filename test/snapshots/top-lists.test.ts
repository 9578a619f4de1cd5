/** Top lists against a naive sort of all customers. */
import { expect, test } from 'vitest'
import { riskLevelOf } from '../../src/scoring/risk.js'
import { type DayScores, dayOf, noScores, withScore } from '../../src/snapshots/day-scores.js'
import { TopKeeper } from '../../src/snapshots/top-keeper.js'
import { riskLevels, type TopRow } from '../../src/snapshots/top-lists.js'
import { NaiveTop } from '../support/naive-top.js'
import { seededRandom } from '../support/random.js'

const DAY_MS = 86_400_000

/** A store of rows whose scan is slow: what is put meanwhile overtakes it. */
class SlowRows {
  readonly rows = new Map<string, TopRow>()

  async *scan() {
    const all = [...this.rows.values()].filter(({ head }) => head !== null)
    for (let from = 0; from < all.length; from += 100) {
      yield all.slice(from, from + 100)
      await new Promise(setImmediate)
    }
  }

  async rowsOf(customers: readonly string[]) {
    await new Promise(setImmediate)
    return customers.map((customer) => this.rows.get(customer) ?? null)
  }
}

function listed(keeper: TopKeeper) {
  const { risk, change } = keeper.answer(0)!
  const told = (lists: typeof risk) =>
    riskLevels.map((level) => lists[level].map((one) => `${one.customer} ${one.movedBy}`))
  return { risk: told(risk), change: told(change) }
}

test.each([1, 2, 3, 4])('complete lists are those of a naive sort (seed %i)', async (seed) => {
  const random = seededRandom(seed)
  const naive = new NaiveTop()
  const stored = new SlowRows()
  const source = { scan: () => stored.scan(), rows: stored.rowsOf.bind(stored) }
  const keeper = new TopKeeper(source, { everyMs: 0 })
  let asOf = 50 * DAY_MS
  let compared = 0
  for (let version = 1; version <= 250; version++) {
    asOf += random.below(random.below(60) === 0 ? 3 * DAY_MS : DAY_MS / 8)
    const rows: TopRow[] = []
    const size = version < 20 ? 150 : random.below(60)
    for (const customer of new Set(Array.from({ length: size }, () => `c${random.below(1_500)}`))) {
      const days: DayScores = stored.rows.get(customer)?.days ?? noScores
      // Falling scores drain the lists, and equal ones are many.
      const score = Math.fround(random.below(20) / 20 / (1 + Math.floor(version / 100)))
      const isErased = random.below(40) === 0
      const probability = random.below(30) === 0 ? NaN : score
      const risk = riskLevelOf(probability)
      const head = isErased ? null : { asOf, retired: random.below(30) === 0, probability, risk }
      const after = head === null ? noScores : withScore(days, dayOf(asOf), probability)
      rows.push({ customer, partition: 0, version, head, days: after })
    }
    for (const row of rows) {
      naive.put(row)
      stored.rows.set(row.customer, row)
    }
    keeper.observe(rows)
    if (random.below(4) === 0) await new Promise(setImmediate)
    if (random.below(3) > 0 || keeper.answer(0)?.complete !== true) continue
    compared++
    expect(listed(keeper)).toEqual(naive.lists())
  }
  expect(compared).toBeGreaterThan(10)
  await expect.poll(() => keeper.answer(0)?.complete).toBe(true)
  expect(listed(keeper)).toEqual(naive.lists())
  await keeper.close()
})

test('lists that cannot be made yet answer what is known, and say that it is not all', async () => {
  let fails = true
  const source = {
    async *scan(): AsyncGenerator<TopRow[]> {
      if (fails) throw new Error('the disk is away')
      yield []
    },
    rows: async () => [],
  }
  const keeper = new TopKeeper(source, { everyMs: 0 })
  expect(keeper.answer(0)).toBeNull()
  const head = { asOf: DAY_MS, retired: false, probability: 0.9, risk: 'high' } as const
  const row = { customer: 'a', partition: 0, version: 1, head, days: noScores }
  keeper.observe([row])
  await new Promise(setImmediate)
  const { complete, risk } = keeper.answer(0)!
  expect([complete, risk.high.map(({ customer }) => customer)]).toEqual([false, ['a']])
  fails = false
  keeper.observe([])
  await expect.poll(() => keeper.answer(0)?.complete).toBe(true)
  keeper.forget(0)
  expect(keeper.answer(0)).toBeNull()
  await keeper.close()
})

/**
 * P1 to P3 for a lookup join and another key: wherever batches, commits and flushes end and processes
 * die, each event meets the table's row as it was at the event's place in the log.
 */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { exactSum } from '../support/naive/exact.js'
import { always, join, jsonEvents, keyBy, topology } from '../../src/index.js'
import { assertAlike, calmAndWild, type OwnEvent } from '../support/own-topology.js'
import { holdsAlwaysAsync, propertyTimeoutMs } from '../support/properties.js'

const revenue = topology({
  name: 'revenue',
  events: jsonEvents({ order: { amount: 'number' }, profile: { country: 'string?' } }),
  operators: (events$) =>
    events$.pipe(
      join(
        'country',
        { when: (event) => event.type === 'profile', row: ({ country }) => country },
        (order, country) => ({ amount: order.amount, country: country ?? 'unknown' }),
      ),
      keyBy('country', ({ country }) => country),
    ),
  aggregate: {
    window: always(),
    values: (fold) => ({ n: fold.count(), sum: fold.sum(({ amount }) => amount) }),
  },
})

const customer_id = fc.constantFrom('a', 'b', 'c', 'd')
const order = fc.record({
  type: fc.constant('order'),
  customer_id,
  amount: fc.double({ min: -1e12, max: 1e12, noNaN: true }),
})
const profile = fc.record({
  type: fc.constant('profile'),
  customer_id,
  country: fc.constantFrom('fr', 'it', null),
})
const erasure = fc.record({ type: fc.constant('order'), customer_id, erase: fc.constant(true) })

/** In time, for nothing of an `always` open window is late. */
const logs = fc
  .array(
    fc.oneof(
      { weight: 6, arbitrary: order },
      { weight: 3, arbitrary: profile },
      { weight: 1, arbitrary: erasure },
    ),
    { minLength: 1, maxLength: 50 },
  )
  .map((drawn) => drawn.map((event, place): OwnEvent => ({ ...event, occurred_at: 100 + place })))

/** Walks the log once, with two maps. What other keys have aggregated of an erased one stays. */
function naive(log: readonly OwnEvent[]): Map<string, number[]> {
  const countries = new Map<string, string>()
  const amounts = new Map<string, number[]>()
  for (const event of log) {
    const { type, customer_id: customer } = event
    const country = event['country'] as string | null
    if (event['erase'] === true) countries.delete(customer)
    else if (type === 'order') {
      const key = countries.get(customer) ?? 'unknown'
      amounts.set(key, [...(amounts.get(key) ?? []), event['amount'] as number])
    } else if (country === null) countries.delete(customer)
    else countries.set(customer, country)
  }
  return amounts
}

test(
  'each event meets the row of its place in the log, whatever the borders and crashes',
  { timeout: propertyTimeoutMs },
  async () => {
    await holdsAlwaysAsync(40, logs, fc.integer({ min: 1, max: 1e9 }), async (log, seed) => {
      const runs = await calmAndWild(revenue, log, seed)
      assertAlike(runs)
      const due = [...naive(log)].map(([key, amounts]) => [key, amounts.length, exactSum(amounts)])
      for (const { last } of runs) {
        const told = [...last].map(([key, row]) => {
          const { n, sum } = JSON.parse(row) as { n: number; sum: number }
          return [key, n, sum]
        })
        expect(new Set(told)).toEqual(new Set(due))
      }
    })
  },
)

/**
 * Revenue by country: `npx tsx examples/05-lookup-join.ts`
 *
 * Profiles and orders of a customer lie in one partition of one log. `join` makes a table of the
 * profiles and gives each order the row as it was at the order's place in the log. A function that
 * throws makes its event a reject, and the others go on.
 *
 * Prints:
 *
 *   fr 30
 *   unknown 5
 *   it 12
 *   OPERATOR_FAILED operator amount: RangeError: -1 is no amount
 */
import { always, join, jsonEvents, keyBy, map, startTopology, topology } from 'tidemark'

const revenue = topology({
  name: 'revenue',
  events: jsonEvents({ order: { amount: 'number' }, profile: { country: 'string' } }),
  operators: (events$) =>
    events$.pipe(
      join(
        'country',
        { when: (event) => event.type === 'profile', row: ({ country }) => country },
        (order, country) => ({ amount: order.amount, country: country ?? 'unknown' }),
      ),
      keyBy('country', ({ country }) => country),
      map('amount', ({ amount }) => {
        if (amount < 0) throw new RangeError(`${amount} is no amount`)
        return amount
      }),
    ),
  aggregate: { window: always(), values: (fold) => ({ sum: fold.sum((amount) => amount) }) },
})

let now = Date.parse('2026-01-05T09:00:00Z')
const order = (customer_id: string, amount: number) =>
  ({ type: 'order', customer_id, occurred_at: (now += 1000), amount }) as const
const profile = (customer_id: string, country: string) =>
  ({ type: 'profile', customer_id, occurred_at: (now += 1000), country }) as const

const running = await startTopology(revenue)
await running.append([
  profile('ada', 'fr'),
  order('ada', 30),
  order('bob', 5),
  profile('ada', 'it'),
  order('ada', 12),
  order('ada', -1),
])
await running.idle()
for await (const { key, values } of running.rows()) console.log(key, values.sum)
for await (const { code, reason } of running.rejects()) console.log(code, reason)
await running.stop()

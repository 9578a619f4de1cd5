/**
 * State that survives, and rows that can be derived again: `npx tsx examples/06-restart-and-replay.ts`
 *
 * With a directory, log and state are on disk: who starts again goes on where the last commit ended,
 * after a kill too. `verify` takes the log through the same operators once more and compares every
 * row that was ever told, byte for byte. Sliding windows change by time alone: an event that leaves
 * makes a row as one that comes does.
 *
 * Prints:
 *
 *   first run: 2 payments, 30 in all
 *   second run: 3 payments, 37 in all
 *   after ten days: 0 payments, 0 in all
 *   3 rows of 4 events derived again: all the same
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { filter, jsonEvents, sliding, startTopology, topology } from 'tidemark'

const payments = topology({
  name: 'payments',
  events: jsonEvents({ payment: { amount: 'number' }, heartbeat: {} }),
  // What is filtered out moves the clock all the same.
  operators: (events$) => events$.pipe(filter('payments', (event) => event.type === 'payment')),
  aggregate: {
    window: sliding('7d', { tile: '1d' }),
    values: (fold) => ({ count: fold.count(), sum: fold.sum(({ amount }) => amount) }),
  },
})

const day = 86_400_000
const payment = (days: number, amount: number) =>
  ({ type: 'payment', customer_id: 'ada', occurred_at: days * day, amount }) as const

const directory = mkdtempSync(join(tmpdir(), 'tidemark-example-'))
async function run(name: string, events: Parameters<typeof running.append>[0]): Promise<void> {
  running = await startTopology(payments, { directory })
  await running.append(events)
  await running.idle()
  let last = ''
  for await (const { key, values } of running.rows()) {
    if (key === 'ada') last = `${values.count} payments, ${values.sum} in all`
  }
  console.log(`${name}: ${last}`)
}

let running = await startTopology(payments, { directory })
await running.stop()
await run('first run', [payment(1, 10), payment(2, 20)])
await running.stop()
await run('second run', [payment(3, 7)])
await running.stop()
await run('after ten days', [{ type: 'heartbeat', customer_id: 'clock', occurred_at: 13 * day }])
const { ok, rows, records } = await running.verify()
console.log(
  `${rows} rows of ${records} events derived again: ${ok ? 'all the same' : 'they differ'}`,
)
await running.stop()
rmSync(directory, { recursive: true })

/**
 * Events that come late: `npx tsx examples/03-late-events.ts`
 *
 * Time is the log clock: the newest event so far. An event behind it is used as long as its window
 * is open, `grace` keeps windows open for longer, and what is too late is not lost: it goes to the
 * late output with the instant before which it should not have been.
 *
 * Prints:
 *
 *   minute 0: 3 readings
 *   late: {"value":4} of 00:00:20, due from 00:01:00 on
 */
import { jsonEvents, startTopology, topology, tumbling } from 'tidemark'

const readings = topology({
  name: 'readings',
  events: jsonEvents({ reading: { value: 'number' } }),
  operators: (readings$) => readings$,
  aggregate: {
    window: tumbling('1m', { grace: '30s' }),
    values: (fold) => ({ count: fold.count() }),
  },
})

const reading = (seconds: number, value: number) => ({
  type: 'reading' as const,
  customer_id: 'sensor',
  occurred_at: seconds * 1000,
  value,
})
const time = (ms: number): string => new Date(ms).toISOString().slice(11, 19)

const running = await startTopology(readings)
await running.append([
  reading(10, 1),
  reading(70, 2),
  // Behind the clock, inside the grace of its minute.
  reading(50, 3),
  reading(30, 3),
  reading(95, 2),
  // The minute has closed at 00:01:30.
  reading(20, 4),
])
await running.idle()
for await (const { start, values } of running.rows()) {
  console.log(`minute ${start / 60_000}: ${values.count} readings`)
}
for await (const { value, reason } of running.late()) {
  const { value: own, occurred_at: at } = JSON.parse(value ?? '{}') as Record<string, number>
  console.log(
    `late: ${JSON.stringify({ value: own })} of ${time(at)}, due from ${time(+reason)} on`,
  )
}
await running.stop()

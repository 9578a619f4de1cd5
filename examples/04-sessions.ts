/**
 * Visits of a site: `npx tsx examples/04-sessions.ts`
 *
 * Events of a key belong together as long as no gap of 30 minutes lies between them. An event that
 * comes late and closes a gap makes two sessions one. A bot that never pauses is cut at `lengthMax`.
 *
 * Prints:
 *
 *   ada 09:00 to 10:05, 4 clicks
 *   bob 09:50 to 10:20, 1 clicks
 */
import { jsonEvents, session, startTopology, topology } from 'tidemark'

const visits = topology({
  name: 'visits',
  events: jsonEvents({ click: {} }),
  operators: (clicks$) => clicks$,
  aggregate: {
    window: session('30m', { grace: '10m', lengthMax: '12h' }),
    values: (fold) => ({ clicks: fold.count() }),
  },
})

const click = (customer_id: string, time: string) => ({
  type: 'click' as const,
  customer_id,
  occurred_at: Date.parse(`2026-01-05T${time}Z`),
})
const clock = (ms: number | null): string => new Date(ms ?? 0).toISOString().slice(11, 16)

const running = await startTopology(visits)
await running.append([
  click('ada', '09:00:00'),
  click('ada', '09:10:00'),
  click('ada', '09:35:00'),
  click('bob', '09:50:00'),
  // Ten minutes late, and still of her visit.
  click('ada', '09:30:00'),
  click('eve', '12:00:00'),
])
await running.idle()
for await (const { key, start, end, values } of running.rows()) {
  console.log(`${key} ${clock(start)} to ${clock(end)}, ${values.clicks} clicks`)
}
await running.stop()

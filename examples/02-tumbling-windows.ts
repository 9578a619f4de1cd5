/**
 * Page views an hour: `npx tsx examples/02-tumbling-windows.ts`
 *
 * A tumbling window is told once, when an event shows that its hour is over: views of one page in
 * one hour are one row. `tell: 'changed'` would also tell the open hours as they fill.
 *
 * Prints:
 *
 *   08:00 cart 1 views, 12 s at most
 *   08:00 home 2 views, 30 s at most
 *   09:00 home 1 views, 7 s at most
 */
import { jsonEvents, keyBy, startTopology, topology, tumbling } from 'tidemark'

const views = topology({
  name: 'views',
  events: jsonEvents({ view: { page: 'string', seconds: 'number' } }),
  operators: (views$) => views$.pipe(keyBy('page', (view) => view.page)),
  aggregate: {
    window: tumbling('1h'),
    values: (fold) => ({ count: fold.count(), longest: fold.max((view) => view.seconds) }),
  },
})

const at = (time: string): number => Date.parse(`2026-01-05T${time}Z`)
const view = (time: string, page: string, seconds: number) => ({
  type: 'view' as const,
  customer_id: 'ada',
  occurred_at: at(time),
  page,
  seconds,
})

const running = await startTopology(views)
await running.append([
  view('08:05:00', 'home', 30),
  view('08:20:00', 'cart', 12),
  view('08:59:59', 'home', 5),
  view('09:00:00', 'home', 7),
  view('10:30:00', 'cart', 9),
])
await running.idle()
const lines: string[] = []
for await (const { key, start, values } of running.rows()) {
  const hour = new Date(start).toISOString().slice(11, 16)
  lines.push(`${hour} ${key} ${values.count} views, ${values.longest} s at most`)
}
await running.stop()
// Hour by hour: a window that an event of its own page closed is told before one that time closed.
lines.sort()
for (const line of lines) console.log(line)

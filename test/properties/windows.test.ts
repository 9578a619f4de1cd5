/**
 * P1 to P3 for each kind of window: wherever batches, commits and flushes end and processes die, the
 * same state, the same last rows, the same late events; every row is derived again; and all of it is
 * what a naive second implementation says.
 */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  always,
  hopping,
  jsonEvents,
  session,
  sliding,
  topology,
  tumbling,
  type WindowKind,
} from '../../src/index.js'
import {
  type NaiveEvent,
  naiveAligned,
  naiveSessions,
  naiveSliding,
  type NaiveWindow,
} from '../support/naive-windows.js'
import {
  assertAlike,
  calmAndWild,
  type OwnEvent,
  type OwnOutcome,
} from '../support/own-topology.js'
import { holdsAlwaysAsync, propertyTimeoutMs } from '../support/properties.js'

const hits = jsonEvents({ hit: { amount: 'number' } })

const declared = (window: WindowKind, tell: 'closed' | 'changed' = 'closed') =>
  topology({
    name: 'hits',
    events: hits,
    operators: (hits$) => hits$,
    aggregate: {
      window,
      tell,
      values: (fold) => ({ count: fold.count(), sum: fold.sum(({ amount }) => amount) }),
    },
  })

/** Steps in time that meet the borders of windows and gaps, forwards mostly and sometimes back. */
const steps = fc.array(
  fc.record({
    key: fc.constantFrom('a', 'b', 'c'),
    step: fc.constantFrom(0, 0, 1, 2, 3, 5, 9, 10, 11, 20, 37, -1, -4, -10, -25),
    amount: fc.integer({ min: -5, max: 9 }),
  }),
  { minLength: 1, maxLength: 50 },
)

function eventsOf(drawn: readonly { key: string; step: number; amount: number }[]): NaiveEvent[] {
  let now = 50
  return drawn.map(({ key, step, amount }) => {
    // A step back is of one event; the next goes on from where time stood.
    if (step > 0) now += step
    return { key, amount, at: Math.max(0, step < 0 ? now + step : now) }
  })
}

const ownEvents = (events: readonly NaiveEvent[]): OwnEvent[] =>
  events.map(({ key, at, amount }) => ({
    type: 'hit',
    customer_id: key,
    occurred_at: at,
    amount,
  }))

/** The run by one batch, and one by borders and crashes that the seed draws. */
const bothRuns = (
  window: WindowKind,
  events: readonly NaiveEvent[],
  seed: number,
  tell: 'closed' | 'changed' = 'closed',
) => calmAndWild(declared(window, tell), ownEvents(events), seed)

function finals({ rows }: OwnOutcome): NaiveWindow[] {
  return rows
    .filter(({ isFinal }) => isFinal)
    .map(({ key, start, end, values }) => ({
      key,
      start,
      end: end!,
      count: values['count'] as number,
      sum: values['sum'] as number,
    }))
    .sort(byPlace)
}

const byPlace = (a: NaiveWindow, b: NaiveWindow): number =>
  a.start - b.start || a.end - b.end || (a.key < b.key ? -1 : 1)

const lateOf = (places: readonly number[]): string[] =>
  places.map((place) => `${place} LATE`).sort()

const seeds = fc.integer({ min: 1, max: 1e9 })

describe.each([
  ['tumbling', 10, 10, 0],
  ['tumbling with grace', 10, 10, 7],
  ['hopping', 12, 5, 0],
  ['hopping with grace', 10, 2, 3],
] as const)('%s windows', (name, length, every, grace) => {
  const how = { grace: `${grace}ms` } as const
  const kind =
    length === every
      ? tumbling(`${length}ms`, how)
      : hopping(`${length}ms`, { every: `${every}ms`, ...how })

  test.each(['closed', 'changed'] as const)(
    `are the naive ones, whatever the borders and crashes, told when %s (${name})`,
    { timeout: propertyTimeoutMs },
    async (tell) => {
      await holdsAlwaysAsync(25, steps, seeds, async (drawn, seed) => {
        const events = eventsOf(drawn)
        const runs = await bothRuns(kind, events, seed, tell)
        assertAlike(runs)
        const due = naiveAligned(events, length, every, grace)
        for (const run of runs) {
          expect(finals(run)).toEqual(due.closed.sort(byPlace))
          expect(run.setAside).toEqual(lateOf(due.late))
        }
      })
    },
  )
})

describe.each([
  ['without grace', 0],
  ['with grace', 6],
])('session windows %s', (_, grace) => {
  test(
    'are the naive ones, whatever the borders and crashes',
    { timeout: propertyTimeoutMs },
    async () => {
      await holdsAlwaysAsync(40, steps, seeds, async (drawn, seed) => {
        const events = eventsOf(drawn)
        const runs = await bothRuns(session('10ms', { grace: `${grace}ms` }), events, seed)
        assertAlike(runs)
        const due = naiveSessions(events, 10, grace)
        for (const run of runs) {
          expect(finals(run)).toEqual(due.closed.sort(byPlace))
          expect(run.setAside).toEqual(lateOf(due.late))
        }
      })
    },
  )
})

test(
  'a window that never closes counts all, whatever the borders and crashes',
  { timeout: propertyTimeoutMs },
  async () => {
    await holdsAlwaysAsync(25, steps, seeds, async (drawn, seed) => {
      const events = eventsOf(drawn)
      const runs = await bothRuns(always(), events, seed)
      assertAlike(runs)
      for (const [key, row] of runs[1].last) {
        const own = events.filter((event) => event.key === key)
        expect(JSON.parse(row)).toMatchObject({ count: own.length, window_end: null })
      }
    })
  },
)

test(
  'sliding windows are the naive ones, whatever the borders and crashes',
  { timeout: propertyTimeoutMs },
  async () => {
    await holdsAlwaysAsync(40, steps, seeds, async (drawn, seed) => {
      const events = eventsOf(drawn)
      const runs = await bothRuns(sliding('30ms', { tile: '5ms' }), events, seed)
      const [calm, wild] = runs
      expect(calm.report.findings).toEqual([])
      expect(wild.report.findings).toEqual([])
      expect(wild.digest).toBe(calm.digest)
      expect(wild.setAside).toEqual(calm.setAside)
      const asOf = Math.max(...events.map(({ at }) => at)) + 1
      const accepted = events.filter((_, place) => !calm.setAside.includes(`${place} LATE`))
      for (const run of runs) {
        for (const [key, row] of run.last) {
          const { count, sum } = JSON.parse(row) as NaiveWindow
          const due = naiveSliding(accepted, key, asOf, 30, 5)
          expect([key, count, sum]).toEqual([key, due.count, due.sum])
        }
      }
    })
  },
)

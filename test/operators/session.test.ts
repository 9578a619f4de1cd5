/** Sessions merge as Flink's do, on the examples of its own tests, and never grow without end. */
import { expect, test } from 'vitest'
import { jsonEvents, map, session, type SessionOptions, topology } from '../../src/index.js'
import { type OwnOutcome, runOwn } from '../support/own-topology.js'

const sessions = (gap: '3s' | '10ms', options: SessionOptions = {}) =>
  topology({
    name: 'sessions',
    events: jsonEvents({ hit: { value: 'number' } }),
    operators: (hits$) => hits$.pipe(map('value', ({ value }) => value)),
    aggregate: {
      window: session(gap, options),
      values: (fold) => ({ sum: fold.sum((value) => value) }),
    },
  })

const hit = (customer_id: string, value: number, occurred_at: number) => ({
  type: 'hit',
  customer_id,
  value,
  occurred_at,
})

const told = ({ rows }: OwnOutcome) =>
  rows.map(({ key, values, start, end }) => [key, values['sum'], start, end])

test("Flink's WindowOperatorTest.testSessionWindows comes out the same, over a restart too", async () => {
  // The watermarks there are events of another key here: only events move the log clock.
  const portions = [
    [
      hit('key2', 1, 0),
      hit('key2', 2, 1000),
      hit('key2', 3, 2500),
      hit('key1', 1, 10),
      hit('key1', 2, 1000),
    ],
    [
      hit('key1', 3, 2500),
      hit('key2', 4, 5501),
      hit('key2', 5, 6000),
      hit('key2', 5, 6000),
      hit('key2', 6, 6050),
      hit('time', 0, 12_001),
    ],
    [hit('key2', 10, 15_000), hit('key2', 20, 15_000), hit('time', 0, 18_001)],
  ]
  const due = [
    ['key1', 6, 10, 5500],
    ['key2', 6, 0, 5500],
    ['key2', 20, 5501, 9050],
    ['time', 0, 12_001, 15_001],
    ['key2', 30, 15_000, 18_000],
  ]
  const byText = (a: unknown, b: unknown) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1)
  for (const crash of [() => null, () => 20]) {
    const outcome = await runOwn(sessions('3s'), portions, undefined, crash)
    expect(told(outcome).sort(byText)).toEqual(due.sort(byText))
    expect(outcome.setAside).toEqual([])
    expect(outcome.report.findings).toEqual([])
  }
})

test('an event between two sessions makes them one', async () => {
  const events = [hit('a', 1, 0), hit('a', 2, 16), hit('a', 4, 8), hit('b', 0, 99)]
  const outcome = await runOwn(sessions('10ms', { grace: '20ms' }), [events])
  expect(told(outcome)).toEqual([['a', 7, 0, 26]])
})

test('events exactly a gap apart are one session, as in Flink and Kafka Streams', async () => {
  const outcome = await runOwn(sessions('10ms'), [
    [hit('a', 1, 0), hit('a', 2, 10), hit('b', 0, 99)],
  ])
  expect(told(outcome)).toEqual([['a', 3, 0, 20]])
})

test('an event too old for a session of its own still gets into an open one, as in Flink', async () => {
  const events = [
    hit('a', 1, 0),
    hit('a', 1, 9),
    hit('a', 1, 18),
    hit('b', 0, 27),
    hit('a', 1, 12),
    hit('c', 1, 2),
  ]
  const outcome = await runOwn(sessions('10ms'), [[...events, hit('b', 0, 99)]])
  expect(told(outcome)).toContainEqual(['a', 4, 0, 28])
  expect(outcome.setAside).toEqual(['5 LATE'])
})

test('a session that never ends is cut at its greatest length', async () => {
  const events = Array.from({ length: 12 }, (_, i) => hit('bot', 1, i * 5))
  const outcome = await runOwn(sessions('10ms', { lengthMax: '20ms' }), [
    [...events, hit('b', 0, 999)],
  ])
  expect(told(outcome)).toEqual([
    ['bot', 5, 0, 30],
    ['bot', 5, 25, 55],
    ['bot', 2, 50, 65],
  ])
  expect(outcome.report.findings).toEqual([])
})

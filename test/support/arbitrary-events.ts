/**
 * Logs at random for a given feature set: the instants are where windows begin and end, tiles leave
 * and days step, each −1, 0 and +1 ms, around days that are odd in some calendar.
 */
import fc from 'fast-check'
import type { EligibleSpec, FeatureSetSpec, WindowSpec } from '../../src/features/spec.js'
import { dayMs, hourMs, minuteMs } from './arbitrary-spec.js'
import type { NaiveRecord } from './naive.js'
import { readingsOf } from './naive/decide.js'

const anchors = [
  '2024-02-29T00:00:00.000Z',
  '2023-03-01T00:00:00.000Z',
  '2024-03-31T01:00:00.000Z',
  '2024-10-27T01:00:00.000Z',
  '2024-11-03T06:00:00.000Z',
  '2024-01-01T00:00:00.000Z',
  '2023-12-31T23:59:59.999Z',
  '2024-06-15T13:37:42.123Z',
  '2001-01-01T00:00:00.000Z',
].map((text) => Date.parse(text))

/** The instant around which everything of one log happens. */
export const anchor: fc.Arbitrary<number> = fc
  .tuple(fc.constantFrom(...anchors), fc.constantFrom(0, 0, 1, -1, hourMs - 1, 37 * minuteMs))
  .map(([at, shift]) => at + shift)

export function windowsOf(spec: FeatureSetSpec, eligible: EligibleSpec | null): WindowSpec[] {
  const windows = spec.features
    .flatMap((feature) => readingsOf(feature.expression))
    .flatMap((reading) => (reading.window === null ? [] : [reading.window]))
  if (eligible !== null) windows.push({ lengthMs: eligible.withinMs, tileMs: 1 })
  return windows.length === 0 ? [{ lengthMs: dayMs, tileMs: hourMs }] : windows
}

const jitter = fc.constantFrom(0, 0, -1, 1)

/** An instant at or before `at` (a few ms after it too): mostly one where something changes. */
export function instant(at: number, windows: readonly WindowSpec[]): fc.Arbitrary<number> {
  const window = fc.constantFrom(...windows)
  const longest = Math.max(...windows.map(({ lengthMs }) => lengthMs))
  const aligned = (unit: number): fc.Arbitrary<number> =>
    fc.integer({ min: 0, max: 40 }).map((back) => (Math.floor(at / unit) - back) * unit)
  return fc
    .tuple(
      fc.oneof(
        // The tail of a window, exact and rounded, and the tile behind it.
        window.map(({ lengthMs }) => at - lengthMs),
        window.map(({ lengthMs, tileMs }) => Math.floor((at - lengthMs) / tileMs) * tileMs),
        window.map(({ lengthMs, tileMs }) => Math.floor((at - lengthMs) / tileMs + 1) * tileMs),
        // The head, whole days and hours before it, midnights, borders of tiles.
        fc.constant(at),
        fc.integer({ min: 1, max: 40 }).map((days) => at - days * dayMs),
        fc.integer({ min: 1, max: 40 }).map((hours) => at - hours * hourMs),
        aligned(dayMs),
        aligned(hourMs),
        aligned(minuteMs),
        fc.integer({ min: 0, max: 1000 }).map((part) => at - Math.floor((longest * part) / 900)),
      ),
      jitter,
    )
    .map(([time, shift]) => time + shift)
}

const nasty = [0, -0, 1, -1, 0.1, 0.2, 0.3, -7.5, 100, 99.99, 1e16, -1e16, 5e-324, 1e-300, 1e-155]
const amount = fc.oneof(
  fc.constantFrom(0, -0),
  fc.constantFrom(...nasty, 1e100, -1e100, 1e155, 1.7e308, -1.7e308, 9_007_199_254_740_991),
  fc.double({ min: -1e6, max: 1e6, noNaN: true }),
  fc.integer({ min: -10_000, max: 10_000 }).map((cents) => cents / 100),
)

const ids = ['a', 'b', 'c'] as const

const bodies = fc.oneof(
  fc.record({
    type: fc.constant('buy'),
    body: fc.record({
      amount: fc.option(amount, { freq: 4 }),
      units: fc.constantFrom(0, 1, 2, 3, -5, 9_007_199_254_740_991),
      shop: fc.option(fc.constantFrom('', 'north', 'é', '😀', 'NORTH'), { freq: 3 }),
    }),
  }),
  fc.record({
    type: fc.constant('move'),
    body: fc.record({
      plan: fc.constantFrom('free', 'basic', 'pro'),
      paid: fc.option(fc.boolean(), { freq: 2 }),
      price: amount,
    }),
  }),
  fc.record({ type: fc.constantFrom('visit', 'other'), body: fc.constant({}) }),
)

export interface LogOptions {
  readonly customers?: number
  readonly maxLength?: number
  /** Every event comes in time and once: nothing late, no duplicates, no future. */
  readonly tame?: boolean
}

/** A partition's records in log order, most of them at or before `at`. */
export function log(
  at: number,
  windows: readonly WindowSpec[],
  { customers = 2, maxLength = 24, tame = false }: LogOptions = {},
): fc.Arbitrary<NaiveRecord[]> {
  const delay = tame
    ? fc.constant(0)
    : fc.constantFrom(0, 0, 0, 1, minuteMs, hourMs, 3 * dayMs, -300_000, -300_001, -299_999)
  const record = fc.record({
    kind: bodies,
    customer: fc.integer({ min: 0, max: customers - 1 }),
    occurred_at: instant(at, windows),
    delay,
    // Few ids, so that some come again; most events have one of their own.
    again: fc.nat({ max: 5 }).map((n) => n === 0),
    id: tame ? fc.constant(null) : fc.option(fc.integer({ min: 0, max: 5 }), { freq: 1 }),
    rejected: tame ? fc.constant(false) : fc.nat({ max: 19 }).map((n) => n === 0),
  })
  return fc
    .tuple(fc.array(record, { maxLength, size: 'max' }), fc.constantFrom('time', 'any', 'logged'))
    .map(([drawn, order]) => {
      const sorted = drawn.map((one, i) =>
        // Equal times are rare by chance, and the only ones that offsets decide.
        one.again && i > 0 ? { ...one, occurred_at: drawn[i - 1].occurred_at } : one,
      )
      if (order === 'time') sorted.sort((a, b) => a.occurred_at - b.occurred_at)
      if (order === 'logged')
        sorted.sort((a, b) => a.occurred_at + a.delay - b.occurred_at - b.delay)
      return sorted.map(({ kind, customer, occurred_at, delay, id, rejected }, offset) => ({
        partition: 0,
        offset,
        loggedAt: occurred_at + delay,
        type: kind.type,
        rejected,
        body: {
          event_id: id === null ? `e${offset}` : `again${id}`,
          customer_id: ids[customer],
          occurred_at,
          source: 'test',
          ...kind.body,
        },
      }))
    })
}

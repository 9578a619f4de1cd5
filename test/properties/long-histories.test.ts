import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Aggregates, FeatureEngine } from '../../src/features/engine.js'
import { anchor } from '../support/arbitrary-events.js'
import { dayMs, eligibleSpec, featureSetSpec, hourMs, minuteMs } from '../support/arbitrary-spec.js'
import { differences } from '../support/differences.js'
import { apply, readRow } from '../support/engine-loop.js'
import { NaiveLog, type NaiveRecord, type NaiveRow } from '../support/naive.js'
import { holdsAlways, propertySeed, propertyTimeoutMs } from '../support/properties.js'
import { seededRandom, type Random } from '../support/random.js'
import { loadCells, sortedCells, storeCells, type Cells } from '../support/state-cells.js'
import { testEngine } from '../support/test-engine.js'

interface Pace {
  readonly length: number
  /** The usual time from one event to the next. */
  readonly stepMs: number
  /** How far out of order events come. */
  readonly backMs: number
  readonly seed: number
}

const amounts = [0, -0, 0.1, 0.2, 1e16, -1e16, 5e-324, 1e200, 1.7e308, -1.7e308, 12.34]

function bodyOf(random: Random): Pick<NaiveRecord, 'type'> & { fields: Record<string, unknown> } {
  const pick = <T>(values: readonly T[]): T => values[random.below(values.length)]
  const amount = random.below(4) === 0 ? pick(amounts) : random.below(100_000) / 100
  switch (random.below(8)) {
    case 0:
      return { type: 'visit', fields: {} }
    case 1:
    case 2:
      return {
        type: 'move',
        fields: {
          plan: pick(['free', 'basic', 'pro']),
          paid: pick([true, false, null]),
          price: amount,
        },
      }
    default:
      return {
        type: 'buy',
        fields: {
          amount: random.below(6) === 0 ? null : amount,
          units: random.below(5),
          shop: pick(['', 'north', `shop ${random.below(200)}`, null]),
        },
      }
  }
}

/** One customer's records: steady, out of order by up to `backMs`, at borders of hours now and then. */
function history(at: number, { length, stepMs, backMs, seed }: Pace): NaiveRecord[] {
  const random = seededRandom(seed)
  const ids: string[] = []
  let now = at
  return Array.from({ length }, (_, offset) => {
    now += random.below(2 * stepMs + 1)
    if (random.below(100) === 0) now += random.below(40) * stepMs
    let occurred_at = random.below(3) === 0 ? now - random.below(backMs + 1) : now
    if (random.below(8) === 0) {
      occurred_at = Math.floor(occurred_at / hourMs) * hourMs + random.below(3) - 1
    }
    const known = random.below(20) === 0 ? ids[random.below(ids.length)] : undefined
    const event_id = known ?? `event ${offset}`
    ids.push(event_id)
    const { type, fields } = bodyOf(random)
    const body = { event_id, customer_id: 'a', occurred_at, source: 'test', ...fields }
    return { partition: 0, offset, loggedAt: Math.max(now, occurred_at), type, body }
  })
}

/** Now, and for the last time before the next change. */
function compareRows(
  engine: FeatureEngine,
  naive: NaiveLog,
  aggregates: Aggregates,
  asOf: number,
  endOffset: number,
): void {
  const { spec } = naive.declaration
  const dueAt = (at: number): NaiveRow =>
    naive.row({ customer: 'a', asOf: at, prefix: { partition: 0, endOffset } }, 'known')
  const due = dueAt(asOf)
  const row = readRow(engine, aggregates, asOf)
  expect(differences(spec, row.values, due.values)).toEqual([])
  expect([row.eligible, row.retired]).toEqual([due.eligible, due.retired])
  expect(row.validUntil).toBeGreaterThan(asOf)
  const later = Math.min(row.validUntil - 1, asOf + 1000 * dayMs)
  expect(differences(spec, dueAt(later).values, due.values)).toEqual([])
}

const pace: fc.Arbitrary<Pace> = fc.record({
  length: fc.constantFrom(60, 200, 200, 1400),
  stepMs: fc.constantFrom(2, 1000, 20_000, minuteMs, 30 * minuteMs, hourMs, 9 * hourMs, 2 * dayMs),
  backMs: fc.constantFrom(0, 1000, hourMs, 3 * dayMs, 40 * dayMs),
  seed: fc.nat(),
})

describe(`customers of many events (PROPERTY_SEED=${propertySeed})`, () => {
  it(
    'have the naive values, and the bytes of one run whatever was written, read or asked between',
    () => {
      const cases = fc.tuple(featureSetSpec, eligibleSpec, anchor, pace)
      const property = fc.property(cases, ([spec, eligible, at, pace]) => {
        const engine = testEngine(spec, eligible)
        const random = seededRandom(pace.seed + 1)
        const records = history(at, pace)
        const naive = new NaiveLog(records, { spec, eligible, label: null })
        const straight = engine.codec.create()
        let state = engine.codec.create()
        const cells: Cells = new Map()
        for (const { record, outcome, clock } of naive.decisions) {
          const { offset, type, body } = record
          for (const one of [straight, state]) {
            const verdict = engine.judge(clock, one.judged, engine.types.indexOf(type), body)
            expect(verdict).toBe(outcome)
            if (verdict === 'accepted') apply(engine, one.aggregates, record, clock)
          }
          const way = random.below(120)
          if (way < 6) storeCells(engine, state, cells)
          if (way < 3) state = loadCells(engine, cells)
          const last = offset === records.length - 1
          if (way !== 7 && !last) continue
          const waits = [0, 1, pace.stepMs, hourMs, dayMs, 29 * dayMs]
          const asOf = clock + waits[random.below(waits.length)]
          compareRows(engine, naive, state.aggregates, asOf, offset + 1)
        }
        storeCells(engine, state, cells)
        const whole: Cells = new Map()
        storeCells(engine, straight, whole)
        expect(sortedCells(cells)).toEqual(sortedCells(whole))
      })
      holdsAlways(60, property)
    },
    propertyTimeoutMs,
  )
})

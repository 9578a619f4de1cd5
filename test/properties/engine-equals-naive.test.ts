import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Aggregates, FeatureEngine } from '../../src/features/engine.js'
import type { EligibleSpec, FeatureSetSpec } from '../../src/features/spec.js'
import { anchor, instant, log, windowsOf } from '../support/arbitrary-events.js'
import { dayMs, eligibleSpec, featureSetSpec } from '../support/arbitrary-spec.js'
import { differences } from '../support/differences.js'
import { apply, judgeAll, readRow, replayRows } from '../support/engine-loop.js'
import { NaiveLog, type NaiveAsk, type NaiveRecord } from '../support/naive.js'
import { evaluate, instantsOfChange } from '../support/naive/evaluate.js'
import { holdsAlways, propertySeed, propertyTimeoutMs } from '../support/properties.js'
import { testEngine } from '../support/test-engine.js'

interface Case {
  readonly spec: FeatureSetSpec
  readonly eligible: EligibleSpec | null
  readonly records: readonly NaiveRecord[]
  readonly asks: readonly NaiveAsk[]
}

const declared = fc.record({ spec: featureSetSpec, eligible: eligibleSpec, at: anchor })

const customer = fc.constantFrom('a', 'b', 'never seen')

/** A declaration, a log around an instant, and asks at instants where something changes. */
const cases: fc.Arbitrary<Case> = declared.chain(({ spec, eligible, at }) => {
  const windows = windowsOf(spec, eligible)
  const later = fc.constantFrom(0, 0, 1, dayMs, 30 * dayMs)
  const asOf = fc.oneof(
    fc.constant(at),
    fc.tuple(instant(at, windows), later).map(([time, more]) => time + more),
  )
  return fc.record({
    spec: fc.constant(spec),
    eligible: fc.constant(eligible),
    records: log(at, windows),
    asks: fc.array(fc.record({ customer, asOf }), { minLength: 1, maxLength: 6, size: 'max' }),
  })
})

function naiveOf({ spec, eligible, records }: Case): NaiveLog {
  return new NaiveLog(records, { spec, eligible, label: null })
}

/** The partition's aggregates by customer after each record, as the live engine has them. */
function* live(
  engine: FeatureEngine,
  records: readonly NaiveRecord[],
): Generator<{ offset: number; clock: number; customer: string; aggregates: Aggregates }> {
  const states = new Map<string, Aggregates>()
  for (const { record, verdict, clock } of judgeAll(engine, records)) {
    const { customer_id } = record.body
    const aggregates = states.get(customer_id) ?? engine.newAggregates()
    states.set(customer_id, aggregates)
    if (verdict !== 'accepted') continue
    apply(engine, aggregates, record, clock)
    yield { offset: record.offset, clock, customer: customer_id, aggregates }
  }
}

describe(`random features over random logs (PROPERTY_SEED=${propertySeed})`, () => {
  it(
    'the engine decides on each record as the naive implementation does',
    () => {
      const property = fc.property(cases, (one) => {
        const engine = testEngine(one.spec, one.eligible)
        const verdicts = judgeAll(engine, one.records).map(({ verdict }) => verdict)
        expect(verdicts).toEqual(naiveOf(one).decisions.map(({ outcome }) => outcome))
      })
      holdsAlways(400, property)
    },
    propertyTimeoutMs,
  )

  it.each(['known', 'happened'] as const)(
    'replayed rows equal the naive ones: %s',
    (visibility) => {
      const property = fc.property(cases, (one) => {
        const engine = testEngine(one.spec, one.eligible)
        const naive = naiveOf(one)
        const rows = replayRows(engine, judgeAll(engine, one.records), one.asks, visibility)
        for (const [i, ask] of one.asks.entries()) {
          const due = naive.row(ask, visibility)
          expect(differences(one.spec, rows[i].values, due.values)).toEqual([])
          const { seen, eligible, retired } = rows[i]
          expect({ seen, eligible, retired }).toEqual({
            seen: due.seen,
            eligible: due.eligible,
            retired: due.retired,
          })
        }
      })
      holdsAlways(500, property)
    },
    propertyTimeoutMs,
  )

  it(
    'live rows equal the naive ones, and none changes by time before its validUntil',
    () => {
      const property = fc.property(cases, (one) => {
        const engine = testEngine(one.spec, one.eligible)
        const naive = naiveOf(one)
        const waits = one.asks.map(({ asOf }, i) =>
          i === 0 ? 0 : Math.abs(asOf - one.asks[0].asOf),
        )
        for (const { offset, clock, customer, aggregates } of live(engine, one.records)) {
          const asOf = clock + waits[offset % waits.length]
          const ask = { customer, asOf, prefix: { partition: 0, endOffset: offset + 1 } }
          const due = naive.row(ask, 'known')
          const row = readRow(engine, aggregates, asOf)
          expect(differences(one.spec, row.values, due.values)).toEqual([])
          expect([row.eligible, row.retired]).toEqual([due.eligible, due.retired])

          const next = row.validUntil
          const timer = row.retired ? Infinity : next
          expect(engine.nextChange(aggregates, asOf)).toBe(timer)
          expect(next).toBeGreaterThan(asOf)
          const events = naive.visible(ask, 'known')
          const until = Math.min(next, asOf + 800 * dayMs)
          const instants = instantsOfChange(one.spec, one.eligible, events, asOf, until)
          if (until - 1 > asOf) instants.push(until - 1)
          for (const at of instants) {
            expect(differences(one.spec, evaluate(one.spec, events, at), due.values)).toEqual([])
            const later = readRow(engine, aggregates, at)
            expect([later.eligible, later.retired]).toEqual([due.eligible, due.retired])
            // C6: until then the same instant is named from wherever it is asked.
            expect(later.validUntil).toBe(next)
            expect(engine.nextChange(aggregates, at)).toBe(timer)
          }
          const changed = readRow(engine, aggregates, until)
          expect(differences(one.spec, changed.values, evaluate(one.spec, events, until))).toEqual(
            [],
          )
        }
      })
      holdsAlways(250, property)
    },
    propertyTimeoutMs,
  )
})

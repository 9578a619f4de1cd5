import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { AggregateKind, FeatureSetSpec } from '../../src/features/spec.js'
import { dayMs, hourMs } from '../support/arbitrary-spec.js'
import { differences } from '../support/differences.js'
import { apply, readRow } from '../support/engine-loop.js'
import { NaiveLog, type NaiveRecord } from '../support/naive.js'
import { holdsAlways, propertySeed, propertyTimeoutMs } from '../support/properties.js'
import { testEngine } from '../support/test-engine.js'

const start = Date.parse('2024-02-28T00:00:00Z')
const kinds: readonly AggregateKind[] = ['sum', 'mean', 'stddev', 'min', 'max', 'latest', 'first']

/** Each kind over windows that the values enter and leave, and over the whole history. */
const spec: FeatureSetSpec = {
  name: 'exact',
  version: 1,
  features: [6 * hourMs, 24 * hourMs, null].flatMap((lengthMs) =>
    kinds.map((kind) => ({
      name: `${kind}_${lengthMs}`,
      type: 'double',
      growing: false,
      expression: {
        kind,
        source: { event: 'move', field: 'price', where: null },
        window: lengthMs === null ? null : { lengthMs, tileMs: hourMs },
      },
    })),
  ),
}

/** Values whose sums lie at ties, cancel, overflow or vanish. */
const number = fc
  .tuple(
    fc.constantFrom(1, -1, 3, -3, 1.5, 2 ** 53 - 1, -(2 ** 53 - 1), 2 ** 52 + 1),
    fc.oneof(
      { weight: 4, arbitrary: fc.integer({ min: -60, max: 60 }) },
      { weight: 1, arbitrary: fc.integer({ min: -1074, max: 970 }) },
    ),
  )
  .map(([factor, exponent]) => factor * 2 ** exponent)
const value = fc.oneof(number, fc.constantFrom(0, -0, 0.1, Number.MAX_VALUE, -Number.MAX_VALUE))

/** Values by hour, some of which come again with the other sign. */
const values = fc
  .array(fc.tuple(value, fc.integer({ min: 0, max: 30 }), fc.boolean()), {
    minLength: 1,
    maxLength: 14,
    size: 'max',
  })
  .map((drawn) =>
    drawn.flatMap(([one, hours, twin]) =>
      twin ? [[one, hours] as const, [-one, (hours * 7) % 30] as const] : [[one, hours] as const],
    ),
  )

describe(`exact values (PROPERTY_SEED=${propertySeed})`, () => {
  it(
    'sums are rounded once, whatever enters and leaves and in whatever order',
    () => {
      const property = fc.property(values, (drawn) => {
        const engine = testEngine(spec, null)
        const records = drawn.map(([price, hours], offset): NaiveRecord => {
          const occurred_at = start + hours * hourMs
          const body = { event_id: `e${offset}`, customer_id: 'a', occurred_at, price }
          return { partition: 0, offset, loggedAt: occurred_at, type: 'move', body }
        })
        const naive = new NaiveLog(records, { spec, eligible: null, label: null })
        const aggregates = engine.newAggregates()
        let clock = 0
        for (const record of records) {
          clock = Math.max(clock, record.body.occurred_at + 1)
          apply(engine, aggregates, record, clock)
          // Before the last record, only to move the windows on.
          readRow(engine, aggregates, clock + 3 * hourMs)
        }
        for (const wait of [0, hourMs, 5 * hourMs, 10 * hourMs, dayMs]) {
          const ask = { customer: 'a', asOf: clock + wait }
          const due = naive.row(ask, 'happened').values
          expect(differences(spec, readRow(engine, aggregates, ask.asOf).values, due)).toEqual([])
        }
      })
      holdsAlways(400, property)
    },
    propertyTimeoutMs,
  )
})

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { FeatureEngine } from '../../src/features/engine.js'
import type { AggregateKind, FeatureSetSpec } from '../../src/features/spec.js'
import { dayMs, hourMs } from '../support/arbitrary-spec.js'
import { differences } from '../support/differences.js'
import { apply, readRow } from '../support/engine-loop.js'
import { NaiveLog, type NaiveRecord } from '../support/naive.js'
import { holdsAlways, propertySeed, propertyTimeoutMs } from '../support/properties.js'
import { sortedCells, storeCells, type Cells } from '../support/state-cells.js'
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

/** A tie of 53 bits and what may lie far below it. */
const tie = fc
  .tuple(fc.integer({ min: -200, max: 200 }), fc.integer({ min: 1, max: 300 }), fc.boolean())
  .map(([exponent, below, less]) => [
    2 ** (exponent + 53),
    2 ** exponent,
    2 ** (exponent - below) * (less ? -1 : 1),
  ])

const hour = fc.integer({ min: 0, max: 30 })

type Priced = readonly [price: number, hours: number]

/** Values by hour, some of which come again with the other sign. */
const alone: fc.Arbitrary<Priced[]> = fc
  .tuple(value, hour, fc.boolean())
  .map(([one, hours, twin]) =>
    twin
      ? [
          [one, hours],
          [-one, (hours * 7) % 30],
        ]
      : [[one, hours]],
  )
const together: fc.Arbitrary<Priced[]> = fc
  .tuple(tie, hour)
  .map(([ones, hours]) => ones.map((one) => [one, hours]))
const values = fc
  .array(fc.oneof({ weight: 3, arbitrary: alone }, together), {
    minLength: 1,
    maxLength: 10,
    size: 'max',
  })
  .map((drawn) => drawn.flat())

/** The bytes of a customer who got the records in this order, nothing dropped. */
function bytesOf(engine: FeatureEngine, records: readonly NaiveRecord[]): unknown {
  const state = engine.codec.create()
  const cells: Cells = new Map()
  for (const record of records) apply(engine, state.aggregates, record, 0)
  storeCells(engine, state, cells)
  return sortedCells(cells)
}

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
        expect(bytesOf(engine, [...records].reverse())).toEqual(bytesOf(engine, records))
      })
      holdsAlways(400, property)
    },
    propertyTimeoutMs,
  )
})

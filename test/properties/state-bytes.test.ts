import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { CustomerState, FeatureEngine } from '../../src/features/engine.js'
import type { FeatureSetSpec } from '../../src/features/spec.js'
import { anchor, log, windowsOf } from '../support/arbitrary-events.js'
import { dayMs, featureSetSpec } from '../support/arbitrary-spec.js'
import { apply, readRow } from '../support/engine-loop.js'
import type { NaiveRecord } from '../support/naive.js'
import { holdsAlways, propertySeed, propertyTimeoutMs } from '../support/properties.js'
import { loadCells, sortedCells, storeCells, type Cells } from '../support/state-cells.js'
import { testEngine } from '../support/test-engine.js'

/** One customer's live run: judged and aggregated; `border` may exchange the state after a record. */
function run(
  engine: FeatureEngine,
  records: readonly NaiveRecord[],
  border: (state: CustomerState, offset: number, clock: number) => CustomerState,
): { state: CustomerState; clock: number } {
  let state = engine.codec.create()
  let clock = 0
  for (const record of records) {
    const { body, offset } = record
    clock = Math.max(clock, body.occurred_at + 1)
    const type = engine.types.indexOf(record.type)
    const verdict = engine.judge(clock, state.judged, type, body)
    if (verdict === 'accepted') apply(engine, state.aggregates, record, clock)
    state = border(state, offset, clock)
  }
  return { state, clock }
}

const logOf = (options: {
  tame: boolean
}): fc.Arbitrary<{ spec: FeatureSetSpec; records: NaiveRecord[] }> =>
  fc.tuple(featureSetSpec, anchor).chain(([spec, at]) =>
    fc.record({
      spec: fc.constant(spec),
      records: log(at, windowsOf(spec, null), { customers: 1, maxLength: 40, ...options }),
    }),
  )

describe(`bytes of a customer's state (PROPERTY_SEED=${propertySeed})`, () => {
  it(
    'do not depend on when the state was written, read back, or asked for a row',
    () => {
      const borders = fc.array(fc.constantFrom('none', 'encode', 'reload', 'read'), {
        minLength: 40,
        maxLength: 40,
      })
      const property = fc.property(logOf({ tame: false }), borders, ({ spec, records }, ways) => {
        const engine = testEngine(spec, null)
        const whole: Cells = new Map()
        const straight = run(engine, records, (state) => state)
        storeCells(engine, straight.state, whole)

        const parts: Cells = new Map()
        const broken = run(engine, records, (state, offset, clock) => {
          if (ways[offset] === 'read') readRow(engine, state.aggregates, clock + offset * dayMs)
          if (ways[offset] === 'encode' || ways[offset] === 'reload') {
            storeCells(engine, state, parts)
          }
          return ways[offset] === 'reload' ? loadCells(engine, parts) : state
        })
        storeCells(engine, broken.state, parts)
        expect(sortedCells(parts)).toEqual(sortedCells(whole))

        // What was written once is not written again, and what is read back reads the same.
        const again = loadCells(engine, parts)
        for (const state of [broken.state, again]) {
          engine.codec.encode(state, (cell) => expect.fail(`cell ${cell} is written again`))
        }
        for (const wait of [0, 1, dayMs, 37 * dayMs]) {
          const asOf = straight.clock + wait
          const due = readRow(engine, straight.state.aggregates, asOf)
          expect(readRow(engine, again.aggregates, asOf)).toEqual(due)
          expect(readRow(engine, broken.state.aggregates, asOf)).toEqual(due)
        }
      })
      holdsAlways(300, property)
    },
    propertyTimeoutMs,
  )

  it(
    'do not depend on the order of arrival while nothing is pruned',
    () => {
      const property = fc.property(logOf({ tame: true }), fc.nat(), ({ spec, records }, seed) => {
        const engine = testEngine(spec, null)
        const shuffled = [...records].sort(
          (one, other) => ((one.offset * 7919 + seed) % 101) - ((other.offset * 7919 + seed) % 101),
        )
        const [one, other] = [records, shuffled].map((order) => {
          const state = engine.codec.create()
          for (const record of order) apply(engine, state.aggregates, record, 0)
          const cells: Cells = new Map()
          storeCells(engine, state, cells)
          return sortedCells(cells)
        })
        expect(other).toEqual(one)
      })
      holdsAlways(300, property)
    },
    propertyTimeoutMs,
  )
})

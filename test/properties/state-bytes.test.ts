import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { CustomerState, FeatureEngine } from '../../src/features/engine.js'
import type { FeatureSetSpec } from '../../src/features/spec.js'
import { anchor, log, windowsOf } from '../support/arbitrary-events.js'
import { dayMs, featureSetSpec } from '../support/arbitrary-spec.js'
import { apply, readRow } from '../support/engine-loop.js'
import type { NaiveRecord } from '../support/naive.js'
import { holdsAlways, propertySeed, propertyTimeoutMs } from '../support/properties.js'
import { testEngine } from '../support/test-engine.js'

type Cells = Map<number, Uint8Array>

/** What a store would hold: each cell that is emitted replaces the one before. */
function store(engine: FeatureEngine, state: CustomerState, cells: Cells): void {
  engine.codec.encode(state, (cell, value) => {
    if (value === null) cells.delete(cell)
    else cells.set(cell, Uint8Array.from(value))
  })
}

function load(engine: FeatureEngine, cells: Cells): CustomerState {
  if (cells.size === 0) return engine.codec.create()
  const { roots } = engine.codec
  const further = engine.codec.further(roots.map((cell) => cells.get(cell)))
  const named = [...roots, ...further].flatMap((cell) => {
    const value = cells.get(cell)
    return value === undefined ? [] : [[cell, value] as const]
  })
  // A cell that neither is a root nor is named by one would never be read again.
  const loaded = new Map(named)
  expect(sorted(loaded)).toEqual(sorted(cells))
  return engine.codec.decode(loaded)
}

const sorted = (cells: Cells): [number, Uint8Array][] =>
  [...cells].sort(([one], [other]) => one - other)

/** One customer's live run: judged and aggregated; `border` may exchange the state after a record. */
function run(
  engine: FeatureEngine,
  records: readonly NaiveRecord[],
  border: (state: CustomerState, offset: number) => CustomerState,
): { state: CustomerState; clock: number } {
  let state = engine.codec.create()
  let clock = 0
  for (const record of records) {
    const { body, offset } = record
    clock = Math.max(clock, body.occurred_at + 1)
    const type = engine.types.indexOf(record.type)
    const verdict = engine.judge(clock, state.judged, type, body)
    if (verdict === 'accepted') apply(engine, state.aggregates, record, clock)
    state = border(state, offset)
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
    'do not depend on when the state was written and read back',
    () => {
      const borders = fc.array(fc.constantFrom('none', 'encode', 'reload'), {
        minLength: 40,
        maxLength: 40,
      })
      const property = fc.property(logOf({ tame: false }), borders, ({ spec, records }, ways) => {
        const engine = testEngine(spec, null)
        const whole: Cells = new Map()
        const straight = run(engine, records, (state) => state)
        store(engine, straight.state, whole)

        const parts: Cells = new Map()
        const broken = run(engine, records, (state, offset) => {
          if (ways[offset] === 'none') return state
          store(engine, state, parts)
          return ways[offset] === 'encode' ? state : load(engine, parts)
        })
        store(engine, broken.state, parts)
        expect(sorted(parts)).toEqual(sorted(whole))

        // What was written once is not written again, and what is read back reads the same.
        engine.codec.encode(broken.state, (cell) => expect.fail(`cell ${cell} is written again`))
        const again = load(engine, parts)
        engine.codec.encode(again, (cell) => expect.fail(`cell ${cell} was only read`))
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
          store(engine, state, cells)
          return sorted(cells)
        })
        expect(other).toEqual(one)
      })
      holdsAlways(300, property)
    },
    propertyTimeoutMs,
  )
})

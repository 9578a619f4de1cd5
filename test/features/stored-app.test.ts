import fc from 'fast-check'
import { expect, it } from 'vitest'
import { churn } from '../../src/apps/churn/app.js'
import { outputSchemas } from '../../src/events/output-schemas.js'
import { registerSchemas } from '../../src/events/schema-ids.js'
import type { AvroRecordSchema } from '../../src/events/schema-types.js'
import type { App } from '../../src/features/app.js'
import { buildApp } from '../../src/features/build-app.js'
import type { EligibleSpec, FeatureSetSpec } from '../../src/features/spec.js'
import { compileStored, type StoredApp, storedApp } from '../../src/features/stored-app.js'
import { anchor, instant, log, windowsOf } from '../support/arbitrary-events.js'
import { testSchemas } from '../support/arbitrary-sources.js'
import { dayMs, eligibleSpec, featureSetSpec } from '../support/arbitrary-spec.js'
import { judgeAll, replayRows } from '../support/engine-loop.js'
import { holdsAlways, propertyTimeoutMs } from '../support/properties.js'

/** As a file keeps it. */
function stored(app: App): StoredApp {
  return JSON.parse(JSON.stringify(storedApp(app))) as StoredApp
}

function appOf(spec: FeatureSetSpec, eligible: EligibleSpec | null): App {
  const outputs = Object.values(outputSchemas(spec.name, spec.features))
  const schemas = [...Object.values(testSchemas), ...outputs] as unknown as AvroRecordSchema[]
  const schemaIds = registerSchemas({}, schemas, 'none')
  const featureSet = { spec, schemas: testSchemas }
  return buildApp({
    featureSet,
    schemaIds,
    rules: { spec: [] },
    labels: null,
    eligible,
    synthetic: false,
  })
}

it('the built-in app is the same app when it has been stored', () => {
  const app = churn()
  const again = compileStored(stored(app))
  const { name, featureSet, growing, outputs, synthetic, declaration } = app
  expect(again).toMatchObject({ name, featureSet, growing, outputs, synthetic, declaration })
  expect(again.engine.appHash).toBe(app.engine.appHash)
  expect(again.engine.columns).toEqual(app.engine.columns)
  expect(again.codec.types).toEqual(app.codec.types)
})

it('a stored declaration that makes another hash is refused', () => {
  const other = { ...stored(churn()), appHash: 'ab'.repeat(32) }
  expect(() => compileStored(other)).toThrow(/has hash .* here, not abab/)
})

const declared = fc.record({ spec: featureSetSpec, eligible: eligibleSpec, at: anchor })
const cases = declared.chain(({ spec, eligible, at }) => {
  const windows = windowsOf(spec, eligible)
  const asOf = instant(at, windows).map((time) => Math.max(at, time) + dayMs)
  const customer = fc.constantFrom('a', 'b', 'never seen')
  return fc.record({
    app: fc.constant({ spec, eligible }),
    records: log(at, windows),
    asks: fc.array(fc.record({ customer, asOf }), { minLength: 1, maxLength: 6 }),
  })
})

it(
  'any declaration decides and reads the same when it has been stored',
  () => {
    const property = fc.property(cases, ({ app: { spec, eligible }, records, asks }) => {
      const app = appOf(spec, eligible)
      const again = compileStored(stored(app))
      expect(again.engine.appHash).toBe(app.engine.appHash)
      const [due, came] = [app, again].map(({ engine }) => {
        const judgements = judgeAll(engine, records)
        const verdicts = judgements.map(({ verdict }) => verdict)
        return [verdicts, replayRows(engine, judgements, asks, 'known')]
      })
      expect(came).toEqual(due)
    })
    holdsAlways(100, property)
  },
  propertyTimeoutMs,
)

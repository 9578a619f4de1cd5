/** The vectors' app, and another declaration of it. */
import { buildApp } from '../../src/features/build-app.js'
import { outputSchemas } from '../../src/events/output-schemas.js'
import { registerSchemas } from '../../src/events/schema-ids.js'
import type { AvroRecordSchema } from '../../src/events/schema-types.js'
import type { App } from '../../src/features/app.js'
import { compileStored, storedApp } from '../../src/features/stored-app.js'
import type { FeatureRows } from '../../src/features/rows.js'
import type { ScoredRows, Scoring } from '../../src/scoring/scorer.js'
import { app as first, champion } from '../replay/verify-support.js'
import { vectorFeatures } from './vectors-app.js'

/** The vectors' app with one window changed and one feature more. */
function changedApp(): App {
  const { spec, schemas } = vectorFeatures
  const features = spec.features.map((feature) => {
    const { expression } = feature
    if (expression.kind !== 'count' || expression.window?.lengthMs !== 3_600_000) return feature
    const window = { lengthMs: 7_200_000, tileMs: expression.window.tileMs }
    return { ...feature, expression: { ...expression, window } }
  })
  const visits = { event: 'visit', field: null, where: null }
  features.push({
    name: 'visits_ever',
    type: 'long',
    expression: { kind: 'count', source: visits, window: null },
    growing: true,
  })
  const outputs = Object.values(outputSchemas(spec.name, features)) as unknown as AvroRecordSchema[]
  return buildApp({
    featureSet: { spec: { ...spec, version: 2, features }, schemas },
    schemaIds: registerSchemas(first.schemaIds, outputs, 'none'),
    rules: { spec: [{ ...rejected, kind: 'range', min: 0, max: 150 }] },
    labels: null,
    eligible: null,
    synthetic: true,
  })
}

/** Another declaration may refuse what the first accepted: the clocks and the counts differ. */
const rejected = { name: 'dear', action: 'reject', event: 'order', field: 'amount' } as const

export const second = compileStored(storedApp(changedApp()))
export const apps = [first, second]
export const appHashes = new Map(apps.map(({ engine }, i) => [i + 1, engine.appHash]))

export const scoring: Scoring = {
  inForce: champion.bundle,
  runtime: 'test 1',
  score: async (rows: FeatureRows): Promise<ScoredRows> => ({
    probability: await champion.score(rows, 0, rows.length),
    servedBy: new Uint8Array(rows.length),
    bundles: [champion.bundle],
    degraded: Array.from({ length: rows.length }, () => null),
  }),
}

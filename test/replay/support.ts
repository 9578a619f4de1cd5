/** The vectors' app, and logs filled through the real ingest. */
import { buildApp } from '../../src/features/build-app.js'
import { outputSchemas } from '../../src/events/output-schemas.js'
import { rules } from '../../src/events/rule-spec.js'
import { registerSchemas } from '../../src/events/schema-ids.js'
import type { AvroRecordSchema } from '../../src/events/schema-types.js'
import type { App } from '../../src/features/app.js'
import { labels, lapse } from '../../src/features/label-spec.js'
import { ingestSql } from '../../src/ingest/ingest.js'
import type { EventLog } from '../../src/log/log.js'
import { vectorFeatures, vectorSchemas } from '../support/vectors-app.js'

/** The app of `spec.yaml`; its label is a lapse of orders in [T + 1 d, T + 8 d). */
export function vectorsApp(): App {
  const columns = vectorFeatures.spec.features.map(({ name, type }) => ({ name, type }))
  const outputs = Object.values(outputSchemas('adversarial', columns))
  const schemas = [...Object.values(vectorSchemas), ...outputs] as unknown as AvroRecordSchema[]
  return buildApp({
    featureSet: vectorFeatures,
    schemaIds: registerSchemas({}, schemas, 'none'),
    rules: rules(vectorSchemas, () => []),
    labels: labels(vectorSchemas, ({ on }) => lapse(on.order, { gap: '1d', horizon: '7d' })),
    eligible: null,
    synthetic: true,
  })
}

/** Loads a vectors file in its own order. */
export async function ingestVectors(app: App, log: EventLog, path: string): Promise<void> {
  const sql = `SELECT event_id, customer_id, type, occurred_at, logged_at, amount, plan
    FROM read_parquet(\${files}) ORDER BY "offset"`
  await ingestSql({ app, log, files: [path], sql })
}

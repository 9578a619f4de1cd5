/** The vectors' app, and logs filled through the real ingest. */
import { buildApp } from '../../src/features/build-app.js'
import { outputSchemas } from '../../src/events/output-schemas.js'
import { rules } from '../../src/events/rule-spec.js'
import { partitionOf } from '../../src/events/partition.js'
import { registerSchemas } from '../../src/events/schema-ids.js'
import type { AvroRecordSchema } from '../../src/events/schema-types.js'
import type { App } from '../../src/features/app.js'
import { eligible, labels, lapse, seenWithin } from '../../src/features/label-spec.js'
import { ingestSql } from '../../src/ingest/ingest.js'
import { type EventLog, topicsOf } from '../../src/log/log.js'
import type { NaiveDeclaration, NaiveRecord } from '../support/naive.js'
import { seededRandom } from '../support/random.js'
import { vectorsDeclaration } from '../support/vectors.js'
import { vectorFeatures, vectorSchemas } from '../support/vectors-app.js'

/** The app of `spec.yaml`; its label is a lapse of orders in [T + 1 d, T + 8 d). */
export function vectorsApp(options: { readonly eligible?: boolean } = {}): App {
  const columns = vectorFeatures.spec.features.map(({ name, type }) => ({ name, type }))
  const outputs = Object.values(outputSchemas('adversarial', columns))
  const schemas = [...Object.values(vectorSchemas), ...outputs] as unknown as AvroRecordSchema[]
  return buildApp({
    featureSet: vectorFeatures,
    schemaIds: registerSchemas({}, schemas, 'none'),
    rules: rules(vectorSchemas, () => []),
    labels: labels(vectorSchemas, ({ on }) => lapse(on.order, { gap: '1d', horizon: '7d' })),
    eligible: options.eligible === true ? ordered : null,
    synthetic: true,
  })
}

/** An order within 20 days: who has none is not trained on. */
const ordered = eligible(vectorSchemas, ({ on }) => seenWithin(on.order, '20d'))

/** Loads a vectors file in its own order. */
export async function ingestVectors(app: App, log: EventLog, path: string): Promise<void> {
  const sql = `SELECT event_id, customer_id, type, occurred_at, logged_at, amount, plan
    FROM read_parquet(\${files}) ORDER BY "offset"`
  await ingestSql({ app, log, files: [path], sql })
}

/** The declaration of `vectorsApp` for the naive implementation. */
export function naiveDeclaration(app: App): NaiveDeclaration {
  const isEligible = (app.declaration as { eligible: unknown }).eligible !== null
  return { ...vectorsDeclaration(), eligible: isEligible ? ordered : null }
}

export interface RandomLogOptions {
  readonly seed: number
  readonly partitions: number
  readonly events: number
  readonly customers: number
}

const dayMs = 86_400_000
const begins = Date.UTC(2024, 0, 1)

/** Half a year of events: out of order, late, repeated and ahead of their time. */
export function randomRecords(options: RandomLogOptions): NaiveRecord[] {
  const { partitions, events, customers } = options
  const random = seededRandom(options.seed)
  const offsets = Array.from({ length: partitions }, () => 0)
  const ids: string[] = []
  return Array.from({ length: events }, (_, i) => {
    const due = begins + Math.floor((i * 180 * dayMs) / events)
    const late = random.below(10)
    const back = late === 0 ? 100 * dayMs : late < 3 ? 3 * dayMs : late < 4 ? -400_000 : 60_000
    const type = ['order', 'order', 'plan', 'visit'][random.below(4)]
    const customer = `c${random.below(customers)}`
    const partition = partitionOf(Buffer.from(customer), partitions)
    const eventId =
      random.below(12) === 0 && ids.length > 0 ? ids.at(-1 - random.below(5)) : `e${i}`
    ids.push(eventId ?? `e${i}`)
    return {
      partition,
      offset: offsets[partition]++,
      loggedAt: due + random.below(1000) - 500,
      type,
      body: {
        event_id: eventId ?? `e${i}`,
        customer_id: customer,
        occurred_at: due - Math.floor(random.next() * back),
        ...(type === 'order' ? { amount: random.below(20_000) / 100 } : {}),
        ...(type === 'plan' ? { plan: ['gold', 'free', null][random.below(3)] } : {}),
      },
    }
  })
}

/** Appends records to a log as they are. */
export async function appendRecords(
  app: App,
  log: EventLog,
  records: readonly NaiveRecord[],
): Promise<void> {
  const transaction = log.begin('test')
  for (const { partition, loggedAt, type, body } of records) {
    const key = Buffer.from(body.customer_id)
    const value = app.codec.encode(type, body)
    const record = { key, value, timestamp: loggedAt, headers: null }
    transaction.append(topicsOf(app.name).events, partition, record)
  }
  await transaction.commit()
}

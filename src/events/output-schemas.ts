/** Avro schemas of what Tidemark emits; `output-rows.ts` writes and reads them. */
import type { Column } from '../features/rows.js'

export const causes = ['event', 'time', 'rescore'] as const
export const risks = ['high', 'medium', 'low', 'unknown'] as const
export type Risk = (typeof risks)[number]

const hash = { type: 'fixed', name: 'Sha256', size: 32 } as const
const time = { type: 'long', logicalType: 'timestamp-millis' } as const

/** Where a row comes from: enough to derive it again. */
const coordinates = [
  { name: 'customer_id', type: 'string' },
  { name: 'topic', type: 'string' },
  { name: 'partition', type: 'int' },
  { name: 'end_offset', type: 'long', doc: 'Exclusive: the row is a function of what is below.' },
  { name: 'as_of', type: time, doc: 'The instant at which the features were read.' },
  { name: 'commit', type: 'long', doc: 'Number of the commit that emitted the row.' },
]

const change = [
  { name: 'cause', type: { type: 'enum', name: 'Cause', symbols: [...causes] } },
  {
    name: 'valid_until',
    type: ['null', time],
    doc: 'No value changes by time alone before it; null: never.',
  },
]

/** @example outputSchemas('churn', engine.columns).features.name // 'features' */
export function outputSchemas(app: string, columns: readonly Column[]) {
  const namespace = `tidemark.${app.replace(/[^A-Za-z0-9_]/g, '_')}`
  const values = {
    type: 'record',
    name: 'values',
    fields: columns.map((column) => ({ name: column.name, type: ['null', column.type] })),
  }
  return {
    features: {
      type: 'record',
      name: 'features',
      namespace,
      fields: [
        ...coordinates,
        { name: 'feature_set', type: 'string' },
        { name: 'app_hash', type: hash },
        ...change,
        { name: 'retired', type: 'boolean', doc: 'The last row until an event revives him.' },
        { name: 'eligible', type: 'boolean' },
        { name: 'values', type: values },
      ],
    },
    scores: {
      type: 'record',
      name: 'scores',
      namespace,
      fields: [
        ...coordinates,
        { name: 'bundle_name', type: 'string', doc: 'The model in force.' },
        { name: 'bundle_version', type: 'string' },
        { name: 'bundle_hash', type: hash },
        { name: 'experiment', type: ['null', 'string'] },
        { name: 'variant', type: ['null', 'string'] },
        ...change,
        { name: 'probability', type: ['null', 'float'] },
        { name: 'risk', type: { type: 'enum', name: 'Risk', symbols: [...risks] } },
        { name: 'decision', type: ['null', 'boolean'], doc: 'Probability at or above threshold.' },
        { name: 'served_by', type: 'string', doc: 'Name of the model that answered.' },
        { name: 'served_by_hash', type: 'Sha256' },
        { name: 'degraded', type: ['null', 'string'], doc: 'Why another model answered.' },
      ],
    },
  } as const
}

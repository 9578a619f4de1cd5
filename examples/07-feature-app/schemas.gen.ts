// Made from the *.avsc and ids.json by `npm run schemas`; not to be changed by hand.
/* oxlint-disable max-lines -- generated */
import type { EventSchemas, SchemaIds } from 'tidemark'

/** The event types of this app. */
export const customerEvents = {
  visit: {
    type: 'record',
    name: 'visit',
    namespace: 'tidemark.cafe',
    doc: 'A guest at the counter of a café.',
    fields: [
      { name: 'event_id', type: 'string' },
      { name: 'customer_id', type: 'string' },
      {
        name: 'occurred_at',
        type: { type: 'long', logicalType: 'timestamp-millis' },
        doc: 'ms UTC.',
      },
      { name: 'source', type: ['null', 'string'], default: null },
      { name: 'drink', type: ['null', 'string'], default: null },
      { name: 'amount', type: ['null', 'double'], default: null, doc: 'EUR.' },
    ],
  },
} as const satisfies EventSchemas

/** What each id in the header of a record means. */
export const schemaIds: SchemaIds = {
  1: {
    subject: 'tidemark.cafe.visit',
    version: 1,
    schema: customerEvents.visit,
  },
  2: {
    subject: 'tidemark.cafe.features',
    version: 1,
    schema: {
      type: 'record',
      name: 'features',
      namespace: 'tidemark.cafe',
      fields: [
        { name: 'customer_id', type: 'string' },
        { name: 'topic', type: 'string' },
        { name: 'partition', type: 'int' },
        {
          name: 'end_offset',
          type: 'long',
          doc: 'Exclusive: the row is a function of what is below.',
        },
        {
          name: 'as_of',
          type: { type: 'long', logicalType: 'timestamp-millis' },
          doc: 'The instant at which the features were read.',
        },
        { name: 'commit', type: 'long', doc: 'Number of the commit that emitted the row.' },
        { name: 'feature_set', type: 'string' },
        { name: 'app_hash', type: { type: 'fixed', name: 'Sha256', size: 32 } },
        {
          name: 'cause',
          type: { type: 'enum', name: 'Cause', symbols: ['event', 'time', 'rescore'] },
        },
        {
          name: 'valid_until',
          type: ['null', { type: 'long', logicalType: 'timestamp-millis' }],
          doc: 'No value changes by time alone before it; null: never.',
        },
        { name: 'retired', type: 'boolean', doc: 'The last row until an event revives him.' },
        { name: 'eligible', type: 'boolean' },
        {
          name: 'values',
          type: {
            type: 'record',
            name: 'values',
            fields: [
              { name: 'visits_7d', type: ['null', 'long'] },
              { name: 'days_since_last_visit', type: ['null', 'long'] },
              { name: 'drink', type: ['null', 'string'] },
              { name: 'spent_total', type: ['null', 'double'] },
              { name: 'spent_change_pct', type: ['null', 'double'] },
            ],
          },
        },
      ],
    },
  },
  3: {
    subject: 'tidemark.cafe.scores',
    version: 1,
    schema: {
      type: 'record',
      name: 'scores',
      namespace: 'tidemark.cafe',
      fields: [
        { name: 'customer_id', type: 'string' },
        { name: 'topic', type: 'string' },
        { name: 'partition', type: 'int' },
        {
          name: 'end_offset',
          type: 'long',
          doc: 'Exclusive: the row is a function of what is below.',
        },
        {
          name: 'as_of',
          type: { type: 'long', logicalType: 'timestamp-millis' },
          doc: 'The instant at which the features were read.',
        },
        { name: 'commit', type: 'long', doc: 'Number of the commit that emitted the row.' },
        { name: 'bundle_name', type: 'string', doc: 'The model in force.' },
        { name: 'bundle_version', type: 'string' },
        { name: 'bundle_hash', type: { type: 'fixed', name: 'Sha256', size: 32 } },
        { name: 'experiment', type: ['null', 'string'] },
        { name: 'variant', type: ['null', 'string'] },
        {
          name: 'cause',
          type: { type: 'enum', name: 'Cause', symbols: ['event', 'time', 'rescore'] },
        },
        {
          name: 'valid_until',
          type: ['null', { type: 'long', logicalType: 'timestamp-millis' }],
          doc: 'No value changes by time alone before it; null: never.',
        },
        { name: 'probability', type: ['null', 'float'] },
        {
          name: 'risk',
          type: { type: 'enum', name: 'Risk', symbols: ['high', 'medium', 'low', 'unknown'] },
        },
        { name: 'decision', type: ['null', 'boolean'], doc: 'Probability at or above threshold.' },
        { name: 'served_by', type: 'string', doc: 'Name of the model that answered.' },
        { name: 'served_by_hash', type: 'Sha256' },
        { name: 'degraded', type: ['null', 'string'], doc: 'Why another model answered.' },
      ],
    },
  },
}

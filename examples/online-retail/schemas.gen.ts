// Made from the *.avsc and ids.json by `npm run schemas`; not to be changed by hand.
/* oxlint-disable max-lines -- generated */
import type { EventSchemas, SchemaIds } from 'tidemark'

/** The event types of this app. */
export const customerEvents = {
  cancellation: {
    type: 'record',
    name: 'cancellation',
    namespace: 'tidemark.online_retail',
    doc: 'A line of an invoice that takes a purchase back.',
    fields: [
      { name: 'event_id', type: 'string', doc: 'The invoice and the number of the line in it.' },
      { name: 'customer_id', type: 'string', doc: 'Five digits.' },
      {
        name: 'occurred_at',
        type: { type: 'long', logicalType: 'timestamp-millis' },
        doc: 'When the cancellation was written, in ms UTC.',
      },
      {
        name: 'source',
        type: ['null', 'string'],
        default: null,
        doc: 'Not used: there is one source.',
      },
      {
        name: 'invoice',
        type: 'string',
        doc: 'Number of the invoice; its lines share their time.',
      },
      {
        name: 'stock_code',
        type: 'string',
        doc: 'The article; letters stand for postage, discounts and the like.',
      },
      { name: 'quantity', type: 'int', doc: 'How many were taken back, as a positive number.' },
      { name: 'unit_price', type: 'double', doc: 'In GBP.' },
      { name: 'amount', type: 'double', doc: 'quantity × unit_price, in GBP.' },
      { name: 'country', type: 'string', doc: 'Where the customer lives, as the shop writes it.' },
    ],
  },
  purchase: {
    type: 'record',
    name: 'purchase',
    namespace: 'tidemark.online_retail',
    doc: 'A line of an invoice.',
    fields: [
      { name: 'event_id', type: 'string', doc: 'The invoice and the number of the line in it.' },
      { name: 'customer_id', type: 'string', doc: 'Five digits.' },
      {
        name: 'occurred_at',
        type: { type: 'long', logicalType: 'timestamp-millis' },
        doc: 'When the invoice was written, in ms UTC.',
      },
      {
        name: 'source',
        type: ['null', 'string'],
        default: null,
        doc: 'Not used: there is one source.',
      },
      {
        name: 'invoice',
        type: 'string',
        doc: 'Number of the invoice; its lines share their time.',
      },
      {
        name: 'stock_code',
        type: 'string',
        doc: 'The article; letters stand for postage, discounts and the like.',
      },
      { name: 'quantity', type: 'int', doc: 'How many were bought.' },
      { name: 'unit_price', type: 'double', doc: 'In GBP.' },
      { name: 'amount', type: 'double', doc: 'quantity × unit_price, in GBP.' },
      { name: 'country', type: 'string', doc: 'Where the customer lives, as the shop writes it.' },
    ],
  },
} as const satisfies EventSchemas

/** What each id in the header of a record means. */
export const schemaIds: SchemaIds = {
  1: {
    subject: 'tidemark.online_retail.cancellation',
    version: 1,
    schema: customerEvents.cancellation,
  },
  2: {
    subject: 'tidemark.online_retail.purchase',
    version: 1,
    schema: customerEvents.purchase,
  },
  3: {
    subject: 'tidemark.online_retail.features',
    version: 1,
    schema: {
      type: 'record',
      name: 'features',
      namespace: 'tidemark.online_retail',
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
              { name: 'country', type: ['null', 'string'] },
              { name: 'days_since_last_purchase', type: ['null', 'long'] },
              { name: 'tenure_days', type: ['null', 'long'] },
              { name: 'orders_30d', type: ['null', 'long'] },
              { name: 'orders_90d', type: ['null', 'long'] },
              { name: 'orders_180d', type: ['null', 'long'] },
              { name: 'orders_total', type: ['null', 'long'] },
              { name: 'revenue_30d', type: ['null', 'double'] },
              { name: 'revenue_90d', type: ['null', 'double'] },
              { name: 'revenue_180d', type: ['null', 'double'] },
              { name: 'revenue_total', type: ['null', 'double'] },
              { name: 'products_90d', type: ['null', 'long'] },
              { name: 'products_180d', type: ['null', 'long'] },
              { name: 'lines_90d', type: ['null', 'long'] },
              { name: 'lines_180d', type: ['null', 'long'] },
              { name: 'quantity_90d', type: ['null', 'double'] },
              { name: 'mean_line_amount_90d', type: ['null', 'double'] },
              { name: 'cancellations_180d', type: ['null', 'long'] },
              { name: 'cancelled_amount_180d', type: ['null', 'double'] },
              { name: 'orders_trend_30d_90d', type: ['null', 'double'] },
              { name: 'orders_trend_90d_180d', type: ['null', 'double'] },
              { name: 'revenue_change_30d_90d_pct', type: ['null', 'double'] },
            ],
          },
        },
      ],
    },
  },
  4: {
    subject: 'tidemark.online_retail.scores',
    version: 1,
    schema: {
      type: 'record',
      name: 'scores',
      namespace: 'tidemark.online_retail',
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

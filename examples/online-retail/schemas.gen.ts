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
}

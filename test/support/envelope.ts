/** The first fields of an event schema, for schemas that a test writes `as const`. */
export const envelope = [
  { name: 'event_id', type: 'string' },
  { name: 'customer_id', type: 'string' },
  { name: 'occurred_at', type: { type: 'long', logicalType: 'timestamp-millis' } },
] as const

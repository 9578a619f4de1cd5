/** The fields that every event begins with, and what must hold of their values. */
import type { EventBody, Reject } from './event.js'
import type { AvroField } from './schema-types.js'

/** The first fields of every event schema, in this order; `doc` is free. */
export const envelopeFields: readonly AvroField[] = [
  { name: 'event_id', type: 'string' },
  { name: 'customer_id', type: 'string' },
  { name: 'occurred_at', type: { type: 'long', logicalType: 'timestamp-millis' } },
  { name: 'source', type: ['null', 'string'], default: null },
]

/** 1990-01-01T00:00Z: nothing that happened before is in a log of customer events. */
export const OCCURRED_AT_MIN = 631_152_000_000
/** 2100-01-01T00:00Z, exclusive. */
export const OCCURRED_AT_END = 4_102_444_800_000

/** Longest event id, in UTF-8 bytes: as many as a customer's, for both are remembered. */
const EVENT_ID_BYTES_MAX = 256

/** Whether a text has more than `bytes` in UTF-8, of which a UTF-16 unit needs at most three. */
export function isLongerThan(bytes: number, text: string): boolean {
  return text.length * 3 > bytes && Buffer.byteLength(text) > bytes
}

/**
 * What is wrong with an event's id or time, or null. An instant of 1970 is nearly always one in
 * seconds, and one after 2100 nearly always in microseconds: the reason says so where it fits.
 */
export function checkEnvelope(body: EventBody): Reject | null {
  const occurredAt = body.occurred_at
  if (occurredAt < OCCURRED_AT_MIN || occurredAt >= OCCURRED_AT_END) return timeReject(occurredAt)
  if (body.event_id === '') {
    return { code: 'FIELD_REQUIRED', reason: 'event_id is empty', field: '/event_id' }
  }
  if (isLongerThan(EVENT_ID_BYTES_MAX, body.event_id)) {
    const reason = `event_id has more than ${EVENT_ID_BYTES_MAX} bytes`
    return { code: 'FIELD_TOO_LONG', reason, field: '/event_id' }
  }
  return null
}

const within = (ms: number): boolean => ms >= OCCURRED_AT_MIN && ms < OCCURRED_AT_END

function timeReject(occurredAt: number): Reject {
  const hint = within(occurredAt * 1000)
    ? '; it looks like seconds, milliseconds are due'
    : within(occurredAt / 1000)
      ? '; it looks like microseconds, milliseconds are due'
      : within(occurredAt / 1_000_000)
        ? '; it looks like nanoseconds, milliseconds are due'
        : ''
  return {
    code: 'TIMESTAMP_RANGE',
    reason: `occurred_at ${occurredAt} is not between 1990-01-01 and 2100-01-01 UTC${hint}`,
    field: '/occurred_at',
  }
}

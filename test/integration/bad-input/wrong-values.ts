/** Records that can be read, and say what no event may say. */
import { day, foreign, good, largest, longBytes, patched, start } from './events.js'
import type { RecordLine } from './record-line.js'

const session = (customer: string) => good(customer, 'session')
const profile = (customer: string) => good(customer, 'customer_profile')
const at = (occurredAt: number) => (customer: string) =>
  good(customer, 'session', { occurred_at: occurredAt })
const payment = (changes: object) => (customer: string) => foreign(customer, 'payment', changes)

export const numbers: RecordLine[] = [
  ...[Number.NaN, Infinity, -Infinity].map((amount): RecordLine => ({
    row: 'B7',
    given: `${amount} for an amount`,
    record: payment({ amount }),
    outcome: 'NUMBER_RANGE',
    stage: 'decode',
    field: '/amount',
  })),
  {
    row: 'B7',
    given: 'a long of 2^53',
    record: (customer) =>
      patched(session(customer), longBytes(BigInt(start)), longBytes(2n ** 53n)),
    outcome: 'NUMBER_RANGE',
    stage: 'decode',
    field: '/occurred_at',
  },
  {
    row: 'B7',
    given: 'an int of 2^31',
    record: (customer) => {
      const record = good(customer, 'payment')
      const value = Buffer.concat([record.value!.subarray(0, -1), longBytes(2n ** 31n)])
      return { ...record, value }
    },
    outcome: 'NUMBER_RANGE',
    stage: 'decode',
    field: '/attempt',
  },
  {
    row: 'B7',
    given: 'the smallest of all doubles',
    record: payment({ amount: Number.MIN_VALUE }),
    outcome: 'accepted',
  },
  {
    row: 'B7',
    given: 'negative zero',
    record: (customer) => foreign(customer, 'session', { duration_seconds: -0 }),
    outcome: 'accepted',
    values: { avg_session_duration_30d: 0 },
  },
  {
    row: 'B7',
    given: 'an age of 17, which a rule excludes',
    record: (customer) => good(customer, 'customer_profile', { age: 17 }),
    outcome: 'FIELD_RANGE',
    stage: 'rules',
    field: '/age',
    reason: '18 to 100',
  },
]

export const times: RecordLine[] = [
  {
    row: 'B8',
    given: 'seconds for milliseconds',
    record: at(start / 1000),
    outcome: 'TIMESTAMP_RANGE',
    stage: 'rules',
    field: '/occurred_at',
    reason: 'looks like seconds',
  },
  {
    row: 'B8',
    given: 'the first instant of 1970',
    record: at(0),
    outcome: 'TIMESTAMP_RANGE',
    stage: 'rules',
    field: '/occurred_at',
  },
  {
    row: 'B8',
    given: 'the year 2100',
    record: at(Date.UTC(2100, 0, 1)),
    outcome: 'TIMESTAMP_RANGE',
    stage: 'rules',
    field: '/occurred_at',
  },
  {
    row: 'B8',
    given: 'five minutes and a millisecond ahead of the record',
    record: at(start + 300_001),
    outcome: 'EVENT_IN_FUTURE',
    stage: 'future',
    field: '/occurred_at',
  },
  {
    row: 'B9',
    given: 'content consumed before every window that reads it',
    record: (customer) => good(customer, 'content_consumed', { occurred_at: start - 40 * day }),
    outcome: 'late',
  },
  {
    row: 'B9',
    given: 'a profile from three years ago, of a type that no window reads',
    record: (customer) => good(customer, 'customer_profile', { occurred_at: start - 1095 * day }),
    outcome: 'accepted',
    values: { location: 'DE' },
  },
  {
    row: 'B10',
    given: 'an event id that came before, with another type',
    before: (customer) => [session(customer)],
    record: (customer) => good(customer, 'payment', { event_id: `${customer} session` }),
    outcome: 'duplicate',
    values: { logins_last_7_days: 1, days_since_last_payment: null },
  },
]

export const texts: RecordLine[] = [
  {
    row: 'B12',
    given: 'a key that is not UTF-8',
    record: (customer) => ({ ...session(customer), key: Buffer.from([0xff, 0xfe, 0x41]) }),
    outcome: 'KEY_INVALID',
    stage: 'key',
  },
  {
    row: 'B12',
    given: 'a string that is not UTF-8',
    record: (customer) =>
      patched(profile(customer), Buffer.from([4, 0x44, 0x45]), Buffer.from([4, 0xff, 0xfe])),
    outcome: 'FIELD_INVALID',
    stage: 'decode',
    field: '/location',
  },
  { row: 'B12', given: 'NUL in an id', customer: 'a\u0000b', record: session, outcome: 'accepted' },
  {
    row: 'B12',
    given: 'an id from right to left, with emoji',
    customer: '\u202eשלום\u202c 😀👩‍👩‍👧',
    record: session,
    outcome: 'accepted',
  },
  {
    row: 'B12',
    given: 'an id of 256 bytes',
    customer: 'é'.repeat(128),
    record: session,
    outcome: 'accepted',
  },
  {
    row: 'B12',
    given: 'an id of 257 bytes',
    customer: `${'é'.repeat(128)}e`,
    record: session,
    outcome: 'KEY_TOO_LONG',
    stage: 'key',
    reason: '257 bytes',
  },
  {
    row: 'B12',
    given: 'an id of half a megabyte',
    customer: 'c'.repeat(500_000),
    record: session,
    outcome: 'KEY_TOO_LONG',
    stage: 'key',
  },
  {
    row: 'B12',
    given: 'an event id of 257 bytes',
    record: (customer) => good(customer, 'session', { event_id: 'e'.repeat(257) }),
    outcome: 'FIELD_TOO_LONG',
    stage: 'rules',
    field: '/event_id',
  },
  {
    row: 'B12',
    given: 'a megabyte of text that a feature would keep',
    record: (customer) => good(customer, 'customer_profile', { location: 'x'.repeat(1_000_000) }),
    outcome: 'FIELD_TOO_LONG',
    stage: 'rules',
    field: '/location',
    reason: 'at most 4096 bytes',
  },
  {
    row: 'B13',
    given: 'a good record of the largest size',
    record: (customer) => largest(customer, 'session'),
    outcome: 'accepted',
    values: { logins_last_7_days: 1 },
  },
  {
    row: 'B13',
    given: 'a bad record of the largest size, whose reject would be larger',
    record: (customer) => largest(customer, 'customer_profile', { age: 17 }),
    outcome: 'FIELD_RANGE',
    stage: 'rules',
    field: '/age',
    pointer: true,
  },
  {
    row: 'B13',
    given: 'a late record of the largest size',
    record: (customer) => largest(customer, 'content_consumed', { occurred_at: start - 40 * day }),
    outcome: 'late',
    pointer: true,
  },
]

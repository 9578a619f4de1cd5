/** Records whose bytes or keys are wrong. */
import { fromLater, good, patched } from './events.js'
import type { RecordLine } from './record-line.js'

const session = (customer: string) => good(customer, 'session')

export const unreadable: RecordLine[] = [
  {
    row: 'B1',
    given: 'JSON instead of Avro',
    record: (customer) => ({ ...session(customer), value: Buffer.from('{"event_id":"e1"}') }),
    outcome: 'DECODE_FAILED',
    stage: 'decode',
    reason: 'looks like JSON',
  },
  {
    row: 'B1',
    given: 'a wrong magic byte',
    record: (customer) => ({ ...session(customer), value: Buffer.from([7, 0, 0, 0, 4, 1, 2]) }),
    outcome: 'DECODE_FAILED',
    stage: 'decode',
    reason: 'begins with the byte 7',
  },
  {
    row: 'B1',
    given: 'truncated Avro',
    record: (customer) => {
      const record = session(customer)
      return { ...record, value: record.value!.subarray(0, -3) }
    },
    outcome: 'DECODE_FAILED',
    stage: 'decode',
    field: '/duration_seconds',
  },
  {
    row: 'B1',
    given: 'bytes behind the event',
    record: (customer) => {
      const record = session(customer)
      return { ...record, value: Buffer.concat([record.value!, Buffer.from([1])]) }
    },
    outcome: 'DECODE_FAILED',
    stage: 'decode',
    reason: 'left behind',
  },
  {
    row: 'B1',
    given: 'an empty value',
    record: (customer) => ({ ...session(customer), value: Buffer.alloc(0) }),
    outcome: 'DECODE_FAILED',
    stage: 'decode',
  },
  {
    row: 'B5',
    given: 'the schema of something that is no event',
    record: (customer) =>
      patched(session(customer), Buffer.from([0, 0, 0, 0, 4]), Buffer.from([0, 0, 0, 0, 7])),
    outcome: 'TYPE_UNKNOWN',
    stage: 'decode',
    reason: 'tidemark.churn.features',
  },
  {
    row: 'B5',
    given: 'a schema id that nobody registered',
    record: (customer) =>
      patched(session(customer), Buffer.from([0, 0, 0, 0, 4]), Buffer.from([0, 0, 1, 0, 0])),
    outcome: 'SCHEMA_UNKNOWN',
    stage: 'decode',
    reason: '65536',
  },
  {
    row: 'B6',
    given: 'a field that the app does not know',
    record: fromLater,
    outcome: 'accepted',
    values: { logins_last_7_days: 1 },
  },
  {
    row: 'B6',
    given: 'a type that the field cannot have (a third branch of two)',
    record: (customer) => {
      const { key, value, timestamp } = good(customer, 'session', { device: null })
      const spoilt = Buffer.concat([value!.subarray(0, -1), Buffer.from([4])])
      return { key, value: spoilt, timestamp, headers: null }
    },
    outcome: 'FIELD_INVALID',
    stage: 'decode',
    field: '/device',
  },
  {
    row: 'B6',
    given: 'an enum symbol that does not exist',
    record: (customer) => {
      const record = session(customer)
      return { ...record, value: Buffer.concat([record.value!.subarray(0, -1), Buffer.from([98])]) }
    },
    outcome: 'FIELD_INVALID',
    stage: 'decode',
    field: '/device',
  },
]

export const keys: RecordLine[] = [
  {
    row: 'B2',
    given: 'no key',
    record: (customer) => ({ ...session(customer), key: null }),
    outcome: 'KEY_MISSING',
    stage: 'key',
  },
  {
    row: 'B2',
    given: 'an empty key',
    record: (customer) => ({ ...session(customer), key: Buffer.alloc(0) }),
    outcome: 'KEY_MISSING',
    stage: 'key',
  },
  {
    row: 'B3',
    given: 'a key that is another customer than the body names',
    record: (customer) => ({ ...session(`not ${customer}`), key: Buffer.from(customer) }),
    outcome: 'KEY_MISMATCH',
    stage: 'key',
    field: '/customer_id',
  },
  {
    row: 'B4',
    given: 'a null value for a customer who was seen',
    before: (customer) => [session(customer)],
    record: (customer) => ({ ...session(customer), value: null }),
    outcome: 'erasure',
  },
  {
    row: 'B4',
    given: 'a null value for nobody',
    record: (customer) => ({ ...session(customer), value: null }),
    outcome: 'erasure',
  },
  {
    row: 'B4',
    given: 'a null value under no key',
    record: (customer) => ({ ...session(customer), key: null, value: null }),
    outcome: 'KEY_MISSING',
    stage: 'key',
  },
  {
    row: 'B3',
    given: 'a record in another partition than its key’s',
    record: session,
    outcome: 'WRONG_PARTITION',
    stage: 'partition',
    reason: 'murmur2_random',
    elsewhere: true,
  },
]

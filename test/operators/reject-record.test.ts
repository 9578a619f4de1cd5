import { expect, test } from 'vitest'
import { type Headers, recordBytes, recordBytesMax } from '../../src/log/log.js'
import { lateRecord, rejectRecord } from '../../src/operators/reject-record.js'

const place = { topic: 'churn.events', partition: 3 }
const by = { appVersion: 'churn/1 ab', asOf: 5000 }
const reject = {
  code: 'FIELD_RANGE',
  reason: 'age is 17; 18 to 100 is due',
  field: '/age',
} as const

function stored(bytes: number, headers: Headers | null = null) {
  return {
    key: Buffer.from('c1'),
    value: Buffer.alloc(bytes, 7),
    timestamp: 9,
    headers,
    offset: 42,
  }
}

const texts = (headers: Headers | null) =>
  Object.fromEntries((headers ?? []).map(([name, value]) => [name, value.toString()]))

test('a reject keeps the bytes and headers of its record, and says what, where and by whom', () => {
  const trace = ['trace', Buffer.from([0, 255])] as const
  const record = stored(10, [trace])
  const rejected = rejectRecord(record, place, reject, 7, by)
  expect(rejected.key).toBe(record.key)
  expect(rejected.value).toBe(record.value)
  expect(rejected.timestamp).toBe(9)
  expect(rejected.headers![0]).toBe(trace)
  expect(texts(rejected.headers!.slice(1))).toEqual({
    '__streams.errors.exception': 'FIELD_RANGE',
    '__streams.errors.stacktrace': '',
    '__streams.errors.message': 'age is 17; 18 to 100 is due',
    '__streams.errors.topic': 'churn.events',
    '__streams.errors.partition': '3',
    '__streams.errors.offset': '42',
    'tidemark.errors.code': 'FIELD_RANGE',
    'tidemark.errors.stage': 'rules',
    'tidemark.errors.field': '/age',
    'tidemark.errors.schema_id': '7',
    'tidemark.errors.app_version': 'churn/1 ab',
    'tidemark.errors.attempt': '1',
    'tidemark.errors.first_seen': '5000',
  })
})

test('a record that was refused before counts on, and text in the place of a number does not', () => {
  const before = rejectRecord(stored(1), place, reject, 7, by)
  const again = { ...stored(1), headers: before.headers }
  const headers = rejectRecord(again, place, reject, 7, { ...by, asOf: 9000 }).headers
  expect(texts(headers)).toMatchObject({
    'tidemark.errors.attempt': '2',
    'tidemark.errors.first_seen': '5000',
  })
  const forged = stored(1, [['tidemark.errors.attempt', Buffer.alloc(900_000, 65)]])
  const after = rejectRecord(forged, place, reject, 7, by).headers
  expect(texts(after!.slice(1))).toMatchObject({ 'tidemark.errors.attempt': '1' })
})

test('what its headers make too large is pointed at, by rejects and by late events', () => {
  const size = recordBytesMax - recordBytes(stored(0))
  const long = { ...reject, reason: 'x'.repeat(2_000_000) }
  for (const it of [
    rejectRecord(stored(size), place, long, 7, by),
    lateRecord(stored(size), place, 1, 2),
  ]) {
    expect(it.value).toBeNull()
    expect(it.key!.toString()).toBe('c1')
    expect(recordBytes(it)).toBeLessThan(3000)
    expect(texts(it.headers)).toMatchObject({
      '__streams.errors.offset': '42',
      'tidemark.errors.pointer': 'value left out: too large',
    })
  }
})

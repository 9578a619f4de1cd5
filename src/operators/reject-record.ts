/**
 * Rejects and late events as records: key and value bytes unchanged, the original headers kept,
 * and what happened in headers behind them, under the names of KIP-1034 and our own.
 */
import type { Reject, RejectCode } from '../events/event.js'
import {
  recordBytes,
  recordBytesMax,
  type Headers,
  type LogRecord,
  type StoredRecord,
} from '../log/log.js'

/** Where a record was found. */
export interface RecordPlace {
  readonly topic: string
  readonly partition: number
}

/** By what and when a record was refused. */
export interface RejectedBy {
  /** Feature set and app hash of the app that runs. */
  readonly appVersion: string
  /** asOf of the refusing commit, ms UTC. */
  readonly asOf: number
}

/** The decision that refuses with a code, in the order in which they are taken. */
const stages: Readonly<Record<RejectCode, string>> = {
  ROW_INVALID: 'ingest',
  RECORD_TOO_LARGE: 'ingest',
  DECODE_FAILED: 'decode',
  SCHEMA_UNKNOWN: 'decode',
  SCHEMA_INCOMPATIBLE: 'decode',
  TYPE_UNKNOWN: 'decode',
  FIELD_INVALID: 'decode',
  NUMBER_RANGE: 'decode',
  KEY_MISSING: 'key',
  KEY_INVALID: 'key',
  KEY_TOO_LONG: 'key',
  KEY_MISMATCH: 'key',
  WRONG_PARTITION: 'partition',
  TIMESTAMP_RANGE: 'rules',
  FIELD_REQUIRED: 'rules',
  FIELD_TOO_LONG: 'rules',
  FIELD_RANGE: 'rules',
  FIELD_NOT_ALLOWED: 'rules',
  REFERENCE_MISSING: 'rules',
  EVENT_IN_FUTURE: 'future',
  OPERATOR_FAILED: 'operator',
  TABLE_FULL: 'operator',
  TABLE_ROW_TOO_LARGE: 'operator',
  STATE_TOO_LARGE: 'operator',
}

/** A reason may quote what came; nobody reads more of it than this, in UTF-16 units. */
const reasonLengthMax = 1024

type Named = readonly [name: string, value: string | number]

/** @example rejectRecord(record, { topic: 'churn.events', partition: 0 }, reject, 7, rejectedBy) */
export function rejectRecord(
  record: StoredRecord,
  place: RecordPlace,
  reject: Reject,
  schemaId: number,
  by: RejectedBy,
): LogRecord {
  const before = earlierReject(record.headers)
  return withHeaders(record, [
    ['__streams.errors.exception', reject.code],
    // A refusal is a value and has none; readers of these headers expect the name.
    ['__streams.errors.stacktrace', ''],
    ...placeHeaders(record, place),
    ...reasonHeaders(reject, stages[reject.code]),
    ['tidemark.errors.schema_id', schemaId],
    ['tidemark.errors.app_version', by.appVersion],
    ['tidemark.errors.attempt', before.attempt + 1],
    ['tidemark.errors.first_seen', before.firstSeen ?? by.asOf],
  ])
}

/** The headers that every reject has, whoever refuses. */
export function reasonHeaders(reject: Reject, stage: string): Named[] {
  const added: Named[] = [
    ['__streams.errors.message', reject.reason.slice(0, reasonLengthMax)],
    ['tidemark.errors.code', reject.code],
    ['tidemark.errors.stage', stage],
  ]
  if (reject.field !== undefined) added.push(['tidemark.errors.field', reject.field])
  return added
}

/** A late event was older than `bound` when the log clock stood at `clock` (both ms UTC). */
export function lateRecord(
  record: StoredRecord,
  place: RecordPlace,
  bound: number,
  clock: number,
): LogRecord {
  return withHeaders(record, [
    ...placeHeaders(record, place),
    ['tidemark.late.bound', bound],
    ['tidemark.late.clock', clock],
  ])
}

/** A record that its new headers make too large is named instead of copied: a pointer record. */
export function withHeaders(record: LogRecord, added: readonly Named[]): LogRecord {
  const own = added.map(([name, value]) => [name, Buffer.from(String(value))] as const)
  const { key, value, timestamp } = record
  const whole = { key, value, timestamp, headers: [...(record.headers ?? []), ...own] }
  if (recordBytes(whole) <= recordBytesMax) return whole
  const pointer = [['tidemark.errors.pointer', Buffer.from('value left out: too large')] as const]
  return { key: keyThatFits(key), value: null, timestamp, headers: [...own, ...pointer] }
}

function placeHeaders(record: StoredRecord, place: RecordPlace): Named[] {
  return [
    ['__streams.errors.topic', place.topic],
    ['__streams.errors.partition', place.partition],
    ['__streams.errors.offset', record.offset],
  ]
}

/** What the headers of a record say that was refused before and came again. */
function earlierReject(headers: Headers | null): { attempt: number; firstSeen: number | null } {
  return {
    attempt: numberIn(headers, 'tidemark.errors.attempt') ?? 0,
    firstSeen: numberIn(headers, 'tidemark.errors.first_seen'),
  }
}

/** The last header of the name; null where there is none, or anybody's text in it. */
function numberIn(headers: Headers | null, name: string): number | null {
  const text = headers?.findLast(([other]) => other === name)?.[1].toString('latin1') ?? ''
  return /^\d{1,15}$/.test(text) ? Number(text) : null
}

function keyThatFits(key: Buffer | null): Buffer | null {
  return key !== null && key.length <= 1024 ? key : null
}

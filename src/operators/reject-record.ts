/**
 * Rejects and late events as records: key and value bytes unchanged, the original headers kept,
 * and what happened in headers behind them, under the names of KIP-1034 and our own.
 */
import type { Reject } from '../events/event.js'
import type { Headers, LogRecord, StoredRecord } from '../log/log.js'

/** Where a record was found. */
export interface RecordPlace {
  readonly topic: string
  readonly partition: number
}

/** A record with everything counted may be this large, as Kafka's default `message.max.bytes`. */
export const recordBytesMax = 1_048_588

type Named = readonly [name: string, value: string | number]

/** @example rejectRecord(record, { topic: 'churn.events', partition: 0 }, reject, 7) */
export function rejectRecord(
  record: StoredRecord,
  place: RecordPlace,
  reject: Reject,
  schemaId: number,
): LogRecord {
  const added: Named[] = [
    ['__streams.errors.exception', reject.code],
    ['__streams.errors.message', reject.reason],
    ...placeHeaders(record, place),
    ['tidemark.errors.code', reject.code],
    ['tidemark.errors.stage', 'validate'],
    ['tidemark.errors.schema_id', schemaId],
  ]
  if (reject.field !== undefined) added.push(['tidemark.errors.field', reject.field])
  return withHeaders(record, added)
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

function placeHeaders(record: StoredRecord, place: RecordPlace): Named[] {
  return [
    ['__streams.errors.topic', place.topic],
    ['__streams.errors.partition', place.partition],
    ['__streams.errors.offset', record.offset],
  ]
}

/** A record that its headers make too large is named instead of copied: a pointer record. */
function withHeaders(record: StoredRecord, added: readonly Named[]): LogRecord {
  const headers: Headers = [
    ...(record.headers ?? []),
    ...added.map(([name, value]) => [name, Buffer.from(String(value))] as const),
  ]
  const { key, value, timestamp } = record
  if (sizeOf(key, value, headers) <= recordBytesMax) return { key, value, timestamp, headers }
  const pointer = [['tidemark.errors.pointer', Buffer.from('value left out: too large')] as const]
  const own = added.map(([name, text]) => [name, Buffer.from(String(text))] as const)
  return { key: keyThatFits(key), value: null, timestamp, headers: [...own, ...pointer] }
}

function keyThatFits(key: Buffer | null): Buffer | null {
  return key !== null && key.length <= 1024 ? key : null
}

function sizeOf(key: Buffer | null, value: Buffer | null, headers: Headers): number {
  let bytes = (key?.length ?? 0) + (value?.length ?? 0) + 64
  for (const [name, content] of headers) bytes += name.length + content.length + 10
  return bytes
}

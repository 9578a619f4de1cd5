/** What the headers of a reject say; `reject-record.ts` writes them. */
import type { StoredRecord } from '../log/log.js'

export interface Refusal {
  readonly code: string
  readonly reason: string
  /** The decision that refused. */
  readonly stage: string
  /** JSON pointer into the event; null where no one field is to blame. */
  readonly field: string | null
  /** Where the record lies; null for a row that an ingest refused before the log. */
  readonly record: {
    readonly topic: string
    readonly partition: number
    readonly offset: number
  } | null
  /** The row of the query that an ingest refused, from 1; null for a record. */
  readonly row: number | null
  /** How often it has been refused by now. */
  readonly attempt: number
  /** asOf of the commit that refused it first, ms UTC; null where it did not get that far. */
  readonly firstSeen: number | null
  /** The value was left out: with the headers the record would have been too large. */
  readonly isPointer: boolean
}

/**
 * A record may come with headers of an earlier refusal, or of anybody's making: the last of a name
 * counts, for the refusal's own stand behind those that came.
 *
 * @example refusalOf(record).code // 'FIELD_RANGE'
 */
export function refusalOf({ headers }: Pick<StoredRecord, 'headers'>): Refusal {
  const text = (name: string): string | null =>
    headers?.findLast(([other]) => other === name)?.[1].toString('utf8') ?? null
  const number = (name: string): number | null => {
    const found = text(name) ?? ''
    return /^\d{1,15}$/.test(found) ? Number(found) : null
  }
  const row = number('tidemark.errors.row')
  const [topic, partition, offset] = [
    text('__streams.errors.topic'),
    number('__streams.errors.partition'),
    number('__streams.errors.offset'),
  ]
  const isPlaced = topic !== null && partition !== null && offset !== null
  return {
    code: text('tidemark.errors.code') ?? 'unknown',
    reason: text('__streams.errors.message') ?? '',
    stage: text('tidemark.errors.stage') ?? 'unknown',
    field: text('tidemark.errors.field'),
    record: isPlaced ? { topic, partition, offset } : null,
    row,
    attempt: number('tidemark.errors.attempt') ?? 1,
    firstSeen: number('tidemark.errors.first_seen'),
    isPointer: text('tidemark.errors.pointer') !== null,
  }
}

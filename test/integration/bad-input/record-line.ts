/** A bad record of a kind that is met in the wild: what is given, and what must become of it. */
import type { RejectCode } from '../../../src/events/event.js'
import type { LogRecord } from '../../../src/log/log.js'

export interface RecordLine {
  readonly row: string
  readonly given: string
  /** Who the record is of; a customer of its own unless the id is the matter. */
  readonly customer?: string
  /** Good records that come before it. */
  readonly before?: (customer: string) => LogRecord[]
  readonly record: (customer: string) => LogRecord
  readonly outcome: RejectCode | 'accepted' | 'duplicate' | 'late' | 'erasure'
  /** The decision that refuses it; JSON pointer of the field to blame; part of the reason. */
  readonly stage?: string
  readonly field?: string
  readonly reason?: string
  /** Its reject or late record points at it, for it would be too large itself. */
  readonly pointer?: true
  /** It lies in another partition than its key's. */
  readonly elsewhere?: true
  /** Values of the customer's last feature row. */
  readonly values?: Readonly<Record<string, unknown>>
}

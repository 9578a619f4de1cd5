/**
 * The values that flow: batches of one partition's records, and the commits that close over them.
 * Progress is a value in the stream too: a batch carries the instants that its source has proved.
 */
import type { EventBody, Reject } from '../events/event.js'
import type { FeatureRows } from '../features/rows.js'
import type { StoredRecord } from '../log/log.js'
import type { ScoredRows } from '../scoring/scorer.js'
import type { Entry } from '../state/entry.js'
import type { StateBorder } from '../state/logged-changes.js'
import type { Position } from './position.js'
import type { Tables } from './tables.js'

export type Outcome =
  | 'pending'
  /** Decoded, in its own partition, and passed the rules; only judging sees an event so. */
  | 'valid'
  | 'accepted'
  | 'duplicate'
  | 'late'
  | 'rejected'
  | 'erasure'

/** A record on its way through the operators; one object shape for all outcomes. */
export class Item<S> {
  /** Customer id: the key as text. */
  customer = ''
  type = -1
  body: EventBody | null = null
  entry: Entry<S> | null = null
  /** The entry's state when the item was judged; an erasure behind it starts another. */
  state: S | null = null
  /** The row of the record's own key, for lookup joins. */
  table: Entry<S> | null = null
  outcome: Outcome = 'pending'
  reject: Reject | null = null
  schemaId = 0
  /** The log clock after this item. */
  clock = 0
  /** For a late event: what occurred before this instant is late. */
  bound = 0

  constructor(readonly record: StoredRecord) {}

  /** Bad data as a value: the item goes no further than the rejects. */
  refuse(reject: Reject): void {
    this.outcome = 'rejected'
    this.reject = reject
  }
}

/** Up to a thousand records of one partition, in order. It may be empty: a tick or a nudge. */
export interface Batch<S> {
  /** As the source handed them over. */
  readonly records: readonly StoredRecord[]
  /** One a record, unless operators of one's own made other events of them. */
  readonly items: readonly Item<S>[]
  /** Of the records behind them, by `recordBytes`. */
  readonly bytes: number
  /** Exclusive: the offset behind the batch's last record. */
  readonly endOffset: number
  /** The instant to which asOf may move, proved by the source; null where nothing is proved. */
  readonly tick: number | null
  /** Whether the source had nothing more behind this batch. */
  readonly atEnd: boolean
  /** Where operators of one's own join: the tables of the partition. */
  readonly tables?: Tables
}

/** What becomes one transaction: everything at one position and one instant. */
export interface Commit<S> {
  readonly position: Position
  /** Records that the commit closes over, whatever became of them; the credit to give back. */
  readonly records: number
  /** Bytes of those records, by `recordBytes`. */
  readonly bytes: number
  readonly rows: FeatureRows
  readonly rejected: readonly Item<S>[]
  readonly late: readonly Item<S>[]
  /** What changed of the state; null where the log does not keep it. */
  readonly border: StateBorder | null
  /** Customers erased and not seen since. */
  readonly erased: readonly string[]
  /** Whether the source had nothing more when the commit closed. */
  readonly atEnd: boolean
}

export interface ScoredCommit<S> extends Commit<S> {
  readonly scores: ScoredRows
}

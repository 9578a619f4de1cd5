/**
 * The values that flow: batches of one partition's records, and the commits that close over them.
 * Progress is a value in the stream too: a batch carries the instants that its source has proved.
 */
import type { EventBody, Reject } from '../events/event.js'
import type { StoredRecord } from '../log/log.js'

export type Outcome = 'pending' | 'accepted' | 'duplicate' | 'late' | 'rejected' | 'erasure'

/** A record on its way through the operators; one object shape for all outcomes. */
export class Item<S> {
  /** Customer id: the key as text. */
  customer = ''
  type = -1
  body: EventBody | null = null
  state: S | null = null
  outcome: Outcome = 'pending'
  reject: Reject | null = null
  schemaId = 0
  /** Log clock after this item. */
  clock = 0
  /** For a late event: it is older than this instant. */
  bound = 0

  constructor(readonly record: StoredRecord) {}
}

/** Up to a thousand records of one partition, in order. It may be empty: a tick or a nudge. */
export interface Batch<S> {
  readonly items: Item<S>[]
  /** Exclusive: the offset behind the batch's last record. */
  readonly endOffset: number
  /** The instant to which asOf may move, proved by the source; null where nothing is proved. */
  readonly tick: number | null
  /** Whether the source had nothing more behind this batch. */
  readonly atEnd: boolean
  /** The wall clock when the source made the batch, for the age of commits; operators read none. */
  readonly wallMs: number
}

/**
 * What a compiled feature declaration can do: the pure functions of the contract, and the bytes of
 * its state. `compile.ts` makes one from a declaration; nothing here reads a clock or does I/O.
 */
import type { EventBody } from '../events/event.js'
import type { StateCodec } from '../state/codec.js'
import type { Column, FeatureRows } from './rows.js'

export type Verdict = 'accepted' | 'duplicate' | 'late'

/** What judging remembers of a customer: ids seen with their first sight, and types accepted. */
export interface Judged {
  /** Bit t is set where an event of type t was accepted. */
  acceptedTypes: number
}

/** What aggregating keeps of a customer. Holds nothing that depends on asOf. */
export interface Aggregates {
  /** Newest accepted occurred_at. */
  newest: number
}

/** Both halves as one hot object of the overlay. */
export interface CustomerState {
  readonly judged: Judged
  readonly aggregates: Aggregates
}

export interface FeatureEngine {
  /** SHA-256 (hex) of the canonical JSON of features, rules, schemas and time constants. */
  readonly appHash: string
  readonly columns: readonly Column[]
  /** Event types by number, equal to the codec's. */
  readonly types: readonly string[]
  /** Longest window + 30 d, in ms. */
  readonly retireAfterMs: number

  newJudged(): Judged
  /**
   * Decides on a valid event in log order; `clock` is the partition's log clock, already advanced
   * by this event. Remembers the id, and the type where it is accepted.
   */
  judge(clock: number, judged: Judged, type: number, body: EventBody): Verdict
  /** Events of the type that occurred before this instant are late; −Infinity: none is. */
  lateBound(clock: number, type: number): number

  newAggregates(): Aggregates
  /**
   * Adds an event. `offset` breaks ties of `latest` and `first`. Tiles that no window can reach at
   * any instant from `keepFrom` on are dropped (live: the log clock).
   */
  update(
    aggregates: Aggregates,
    type: number,
    body: EventBody,
    offset: number,
    keepFrom: number,
  ): void

  /** Whether an event exists: a customer without one has only nulls. */
  seen(aggregates: Aggregates): boolean
  /**
   * Writes the values at `asOf` into row `row` of `rows`, with retired, eligible and validUntil.
   * `asOf` must be above every `occurred_at` in the aggregates.
   */
  read(aggregates: Aggregates, asOf: number, rows: FeatureRows, row: number): void
  /**
   * When a timer is due: the first instant after `asOf` at which a value may change by time alone or
   * the customer is retired. Infinity: never, as of his retiring on, though his row's validUntil
   * still tells when a value changes.
   */
  nextChange(aggregates: Aggregates, asOf: number): number

  /** Bytes of both halves, in cells of which only the changed ones are written. */
  readonly codec: StateCodec<CustomerState>
}

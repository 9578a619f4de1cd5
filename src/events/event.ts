/**
 * What an event is between the codec and the features: a decoded Avro record whose envelope fields
 * come first, and the typed reject that a bad one becomes.
 */

/** A decoded event, exactly as avsc gives it; times are integer ms UTC. */
export interface EventBody {
  readonly event_id: string
  readonly customer_id: string
  readonly occurred_at: number
  readonly [field: string]: unknown
}

/** Stable codes of rejected records; `docs/OPERATIONS.md` says what to do about each. */
export type RejectCode =
  | 'DECODE_FAILED'
  | 'SCHEMA_UNKNOWN'
  | 'SCHEMA_INCOMPATIBLE'
  | 'KEY_MISSING'
  | 'KEY_INVALID'
  | 'KEY_TOO_LONG'
  | 'KEY_MISMATCH'
  | 'WRONG_PARTITION'
  | 'TYPE_UNKNOWN'
  | 'FIELD_INVALID'
  | 'FIELD_REQUIRED'
  | 'FIELD_RANGE'
  | 'FIELD_TOO_LONG'
  | 'FIELD_NOT_ALLOWED'
  | 'NUMBER_RANGE'
  | 'TIMESTAMP_RANGE'
  | 'EVENT_IN_FUTURE'
  | 'REFERENCE_MISSING'
  | 'RECORD_TOO_LARGE'
  | 'ROW_INVALID'
  | 'OPERATOR_FAILED'
  | 'TABLE_FULL'
  | 'TABLE_ROW_TOO_LARGE'
  | 'STATE_TOO_LARGE'

/** Bad data as a value. `field` is a JSON pointer into the event, where one field is to blame. */
export interface Reject {
  readonly code: RejectCode
  readonly reason: string
  readonly field?: string
}

export interface Decoded {
  /** Index into the codec's `types`. */
  readonly type: number
  readonly body: EventBody
  /** The id in the registry header: the writer's schema. */
  readonly schemaId: number
}

/** Events to bytes and back: Avro behind the 5-byte registry header. */
export interface EventCodec {
  /** Event types in a fixed order (that of the app's sorted schema names). */
  readonly types: readonly string[]
  /** Never throws because of bytes. */
  decode(value: Buffer): Decoded | Reject
  /**
   * Asks what the ids in the headers of values mean that `decode` does not know yet, and waits for
   * the answers; null: there is nothing to ask. A codec without it knows all that it ever will.
   */
  learn?(records: readonly { readonly value: Buffer | null }[]): Promise<void> | null
  /** Throws `EVENT_INVALID` (with the field) where the body does not fit the type's schema. */
  encode(type: string, body: EventBody): Buffer
  /** The fields that a body of this type must have: those without a default, nullable ones too. */
  required(type: string): readonly string[]
}

/** Data rules of an app, compiled; they run on decoded events before the log clock moves. */
export interface EventRules {
  /**
   * The first broken rule, or null. `acceptedTypes` has bit t set where an event of type t of this
   * customer was accepted at a lower offset. A rule that only flags adds to `flags` by its name.
   */
  check(type: number, body: EventBody, acceptedTypes: number, flags: RuleFlags): Reject | null
}

/** How often each flagging rule was broken, by rule name. */
export type RuleFlags = Map<string, number>

export function isReject(value: Decoded | Reject): value is Reject {
  return 'code' in value
}

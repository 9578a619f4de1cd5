/**
 * What flows through a topology of one's own: batches of events, each a value that operators made
 * and the envelope of its record, which no operator changes but for the key.
 */
import type { EventBody, Reject } from '../events/event.js'
import { type Batch, Item } from './batch.js'

/** A batch whose events have values of type `V`. */
export interface Events<V> extends Batch<unknown> {
  /** For the compiler alone: there is nothing in it. */
  readonly valueType?: V
}

/** What is known of an event beside its value. */
export interface At {
  /** The record's key, or what `keyBy` made of it. */
  readonly key: string
  /** ms UTC. */
  readonly occurredAt: number
  readonly offset: number
}

/** An event's envelope and its value; `customer_id` is the key. */
export class Valued implements EventBody {
  readonly [field: string]: unknown

  constructor(
    readonly event_id: string,
    readonly customer_id: string,
    readonly occurred_at: number,
    readonly value: unknown,
  ) {}
}

/** An event that changes nothing, and why. */
export class Refused extends Error {
  constructor(readonly reject: Reject) {
    super(reject.reason)
  }
}

/** A function of the user's has thrown, at an event. */
export class OperatorFailed extends Refused {
  constructor(operator: string, cause: unknown) {
    super({ code: 'OPERATOR_FAILED', reason: `operator ${operator}: ${textOf(cause)}` })
  }
}

/** Anything may be thrown, also what cannot be made a text of. */
function textOf(cause: unknown): string {
  try {
    return cause instanceof Error ? `${cause.name}: ${cause.message}` : String(cause)
  } catch {
    return 'what was thrown has no text'
  }
}

/**
 * What a function of the user's answered. A promise is refused: nothing here would wait for it, and
 * it would be taken for a value, or for true.
 */
export function atOnce<T>(answer: T): T {
  if (typeof answer !== 'object' || answer === null || !('then' in answer)) return answer
  if (typeof answer.then !== 'function') return answer
  // It may fail yet, and nobody is there to hear of it.
  void Promise.resolve(answer).catch(() => {})
  throw new TypeError('it answered a promise, and nothing waits for one')
}

/** The batch with other events in it. */
export function withItems<V>(batch: Events<unknown>, items: readonly Item<unknown>[]): Events<V> {
  return { ...batch, items } as Events<V>
}

/** Calls a function of the user's on the items with an event; one that throws refuses its item. */
export function eachEvent(
  operator: string,
  items: readonly Item<unknown>[],
  into: Item<unknown>[],
  call: (item: Item<unknown>, body: Valued) => void,
): void {
  for (const item of items) {
    if (item.outcome !== 'valid') into.push(item)
    else {
      const before = into.length
      try {
        call(item, item.body as Valued)
      } catch (cause) {
        into.length = before
        into.push(refused(item, new OperatorFailed(operator, cause).reject))
      }
    }
  }
}

/** Another event of the same record, at its place and its instant. */
export function derived(item: Item<unknown>, key: string, value: unknown): Item<unknown> {
  const made = copyOf(item)
  const { event_id, occurred_at } = item.body!
  made.customer = key
  made.body = new Valued(event_id, key, occurred_at, value)
  made.outcome = 'valid'
  return made
}

/** The event refused; the item itself may flow through another branch too. */
export function refused(item: Item<unknown>, reject: Reject): Item<unknown> {
  const made = copyOf(item)
  made.customer = item.customer
  made.refuse(reject)
  return made
}

/** What the docstrings call `at`. */
export function atOf(item: Item<unknown>): At {
  const { customer: key, record, body } = item
  return { key, occurredAt: body!.occurred_at, offset: record.offset }
}

function copyOf(item: Item<unknown>): Item<unknown> {
  const made = new Item<unknown>(item.record)
  made.type = item.type
  made.schemaId = item.schemaId
  made.clock = item.clock
  made.table = item.table
  return made
}

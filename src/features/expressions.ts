/**
 * The verbs of the declaration language: what a feature does with the events or a field. Each
 * builder is immutable; what it declares so far is plain data under `expressionKey`.
 */
import { configurationError } from '../errors.js'
import { windowOf, type Duration } from './duration.js'
import { eventKey, fieldKey, type Condition, type EventRef, type FieldRef } from './refs.js'
import type { AggregateKind, FeatureExpression, SourceSpec, WindowSpec } from './spec.js'

export const expressionKey: unique symbol = Symbol('tidemark.expression')
export const growingKey: unique symbol = Symbol('tidemark.growing')

/** A declared value; `V` is its type where it is not null. */
export interface Feature<V extends number | string> {
  readonly [expressionKey]: FeatureExpression
  /** Whether it grows by construction; undefined: as its kind says. */
  readonly [growingKey]?: boolean
  /** Only the compiler reads it. */
  readonly value?: V
}

export interface WindowOptions {
  /** Tile size; without it the largest unit that divides the window and is at most 1/24 of it. */
  readonly tile?: Duration
}

/** An aggregate of events of type `E`: over the whole history, unless `over` gives it a window. */
export interface Aggregate<E extends string, V extends number | string> extends Feature<V> {
  /** Only events for which the condition holds; of several, all must. */
  where(condition: Condition<E>): this
  over(length: Duration, options?: WindowOptions): Feature<V>
  /** The whole history, said aloud. */
  ever(): Feature<V>
}

/** A count or a sum, which can also be told per day. */
export interface Total<E extends string> extends Aggregate<E, number> {
  where(condition: Condition<E>): this
  /** Count or sum per day of the window's nominal length. */
  rate(length: Duration, options?: WindowOptions): Feature<number>
}

/** The newest or the oldest event: no value by itself, `daysSince` makes one of it. */
export interface Moment<E extends string> {
  readonly [momentKey]: { readonly of: 'latest' | 'first'; readonly window: WindowSpec | null }
  where(condition: Condition<E>): this
  over(length: Duration, options?: WindowOptions): this
}

export interface ChangeOptions {
  /** The longer window that the shorter one is held against. */
  readonly against: Duration
  readonly tile?: Duration
  readonly againstTile?: Duration
}

export const momentKey: unique symbol = Symbol('tidemark.moment')
const sourceKey: unique symbol = Symbol('tidemark.source')

/** The builder behind all the interfaces above. */
class Builder {
  readonly [expressionKey]: FeatureExpression
  readonly [momentKey]: { of: 'latest' | 'first'; window: WindowSpec | null }
  readonly [sourceKey]: SourceSpec

  constructor(
    readonly kind: AggregateKind,
    source: SourceSpec,
    window: WindowSpec | null = null,
  ) {
    this[expressionKey] = { kind, source, window }
    this[sourceKey] = source
    this[momentKey] = { of: kind === 'first' ? 'first' : 'latest', window }
  }

  where(condition: Condition<string>): Builder {
    const source = this[sourceKey]
    if (condition.event !== source.event) {
      throw configurationError(
        'CONDITION_INVALID',
        `a condition on ${condition.event} cannot select events of type ${source.event}`,
      )
    }
    const { where } = source
    const both: SourceSpec['where'] =
      where === null ? condition.spec : { op: 'and', of: [where, condition.spec] }
    return new Builder(this.kind, { ...source, where: both }, this[momentKey].window)
  }

  over(length: Duration, options: WindowOptions = {}): Builder {
    return new Builder(this.kind, this[sourceKey], windowOf(length, options.tile))
  }

  ever(): Builder {
    return new Builder(this.kind, this[sourceKey], null)
  }

  rate(length: Duration, options: WindowOptions = {}): Feature<number> {
    const window = windowOf(length, options.tile)
    const of = this.kind as 'count' | 'sum'
    return { [expressionKey]: { kind: 'rate', of, source: this[sourceKey], window } }
  }
}

type Subject<E extends string, V> = EventRef<E> | FieldRef<E, V>

function sourceOf(subject: Subject<string, unknown>): SourceSpec {
  if (fieldKey in subject) {
    const { event, field } = subject[fieldKey]
    return { event, field, where: null }
  }
  return { event: subject[eventKey], field: null, where: null }
}

/** What each verb returns of the builder is its interface alone: `where` keeps its event's name. */
function build(kind: AggregateKind, subject: Subject<string, unknown>): never {
  return new Builder(kind, sourceOf(subject)) as never
}

/** How many events there are; of a field: how many have it (not null). */
export function count<E extends string>(subject: Subject<E, unknown>): Total<E> {
  return build('count', subject)
}

/** The exact sum, rounded once; 0 for a customer without a value. */
export function sum<E extends string>(field: FieldRef<E, number>): Total<E> {
  return build('sum', field)
}

export function mean<E extends string>(field: FieldRef<E, number>): Aggregate<E, number> {
  return build('mean', field)
}

export function min<E extends string>(field: FieldRef<E, number>): Aggregate<E, number> {
  return build('min', field)
}

export function max<E extends string>(field: FieldRef<E, number>): Aggregate<E, number> {
  return build('max', field)
}

/** Standard deviation of the sample; null below two values. */
export function stddev<E extends string>(field: FieldRef<E, number>): Aggregate<E, number> {
  return build('stddev', field)
}

/** How many different values there are, exactly. */
export function distinct<E extends string>(field: FieldRef<E, unknown>): Aggregate<E, number> {
  return build('distinct', field)
}

/** What a column holds of a field's values: a boolean is told as 'true' or 'false'. */
type Told<V> = V extends boolean ? `${V}` : V extends number ? number : V & string

/**
 * The value of the newest event that has one; of an event: the moment, for `daysSince`.
 *
 * @example latest(on.subscription_change.plan)
 */
export function latest<E extends string>(event: EventRef<E>): Moment<E>
export function latest<E extends string, V>(field: FieldRef<E, V>): Aggregate<E, Told<V>>
export function latest(subject: Subject<string, unknown>): unknown {
  return build('latest', subject)
}

/** As `latest`, of the oldest event. */
export function first<E extends string>(event: EventRef<E>): Moment<E>
export function first<E extends string, V>(field: FieldRef<E, V>): Aggregate<E, Told<V>>
export function first(subject: Subject<string, unknown>): unknown {
  return build('first', subject)
}

/** Whole 24-hour periods since a moment. */
export function daysSince(moment: Moment<string>): Feature<number> {
  const { of, window } = moment[momentKey]
  const source = (moment as unknown as Builder)[sourceKey]
  return { [expressionKey]: { kind: 'daysSince', of, source, window } }
}

/** Whole 24-hour periods since the first event of the type. */
export function tenure(event: EventRef<string>): Feature<number> {
  return { [expressionKey]: { kind: 'tenure', source: sourceOf(event) } }
}

/** One number by another; null where the second is null or 0. */
export function ratio(numerator: Feature<number>, denominator: Feature<number>): Feature<number> {
  const expression = {
    kind: 'ratio',
    numerator: numerator[expressionKey],
    denominator: denominator[expressionKey],
  } as const
  return { [expressionKey]: expression }
}

/**
 * By how many percent the daily rate of a short window differs from that of a longer one, which
 * includes it; null where the longer one's is 0.
 *
 * @example change(sum(on.payment.amount), '30d', { against: '90d' })
 */
export function change(
  total: Total<string>,
  length: Duration,
  { against, tile, againstTile }: ChangeOptions,
): Feature<number> {
  const { kind, [sourceKey]: source } = total as unknown as Builder
  const expression = {
    kind: 'change',
    of: kind as 'count' | 'sum',
    source,
    window: windowOf(length, tile),
    against: windowOf(against, againstTile),
  } as const
  return { [expressionKey]: expression }
}

/** Says that a feature grows by construction, so that drift is not judged by it. */
export function growing<V extends number | string>(feature: Feature<V>): Feature<V> {
  return { [expressionKey]: feature[expressionKey], [growingKey]: true }
}

/** Labels and eligibility in the declaration language: what `labels.ts` of an app is made of. */
import type { EventBody } from '../events/event.js'
import type { EventSchemas } from '../events/schema-types.js'
import { configurationError } from '../errors.js'
import { checkEligible, checkSource } from './check.js'
import { parseDuration, type Duration } from './duration.js'
import { conditionOf } from './extract.js'
import type { CompiledLabels } from './labels.js'
import { eventKey, events, type Condition, type EventRef, type On } from './refs.js'
import type { EligibleSpec, SourceSpec } from './spec.js'

/** A label as plain data: it looks forward over `[T + gap, T + gap + horizon)`. */
export interface LabelSpec {
  readonly kind: 'lapse' | 'event'
  readonly source: SourceSpec
  readonly gapMs: number
  readonly horizonMs: number
}

export interface LabelOptions<E extends string> {
  /** Left out between the instant and the span, so that a warning comes in time; may be `0d`. */
  readonly gap: Duration
  readonly horizon: Duration
  /** Only events for which the condition holds. */
  readonly where?: Condition<E>
}

/** What `labels` returns: the label as data, and compiled. */
export interface Labels extends CompiledLabels {
  readonly spec: LabelSpec
}

/**
 * Declares the label of an app.
 *
 * @throws with exit code 78: `FEATURES_INVALID`, `LABEL_INVALID`, `DURATION_INVALID`
 * @example
 * labels(customerEvents, ({ on }) => lapse(on.session, { gap: '0d', horizon: '30d' }))
 */
export function labels<const S extends EventSchemas>(
  schemas: S,
  declare: (api: { readonly on: On<S> }) => LabelSpec,
): Labels {
  const spec = declare({ on: events(schemas) })
  return { spec, ...compileLabels(spec, schemas) }
}

/**
 * Declares which customers' rows an app trains on and scores.
 *
 * @throws with exit code 78: `FEATURES_INVALID`, `DURATION_INVALID`
 * @example eligible(customerEvents, ({ on }) => seenWithin(on.session, '90d'))
 */
export function eligible<const S extends EventSchemas>(
  schemas: S,
  declare: (api: { readonly on: On<S> }) => EligibleSpec,
): EligibleSpec {
  const spec = declare({ on: events(schemas) })
  checkEligible(spec, schemas)
  return spec
}

/**
 * 1 for a customer without any such event in the span.
 *
 * @throws `DURATION_INVALID`, `LABEL_INVALID`
 * @example lapse(on.session, { gap: '0d', horizon: '30d' })
 */
export function lapse<E extends string>(
  event: EventRef<E>,
  options: LabelOptions<NoInfer<E>>,
): LabelSpec {
  return labelOf('lapse', event, options)
}

/**
 * 1 for a customer with such an event in the span.
 *
 * @throws `DURATION_INVALID`, `LABEL_INVALID`
 * @example
 * const { subscription_change: change } = on
 * happens(change, { gap: '0d', horizon: '30d', where: change.change.is('cancelled') })
 */
export function happens<E extends string>(
  event: EventRef<E>,
  options: LabelOptions<NoInfer<E>>,
): LabelSpec {
  return labelOf('event', event, options)
}

/**
 * Customers with such an event in the exact window before the instant; rows of training sets and
 * of batch scores are these customers'.
 *
 * @throws `DURATION_INVALID`
 * @example seenWithin(on.session, '90d')
 */
export function seenWithin<E extends string>(
  event: EventRef<E>,
  length: Duration,
  { where }: { readonly where?: Condition<NoInfer<E>> } = {},
): EligibleSpec {
  return { source: sourceOf(event, where), withinMs: parseDuration(length) }
}

function compileLabels(spec: LabelSpec, schemas: EventSchemas): CompiledLabels {
  const { kind, source, gapMs, horizonMs } = spec
  checkSource('the label', source, schemas)
  const labelled = Object.keys(schemas).sort().indexOf(source.event)
  const holds = conditionOf(source.where)
  return {
    kind,
    gapMs,
    horizonMs,
    types: [labelled],
    matches: (type: number, body: EventBody) => type === labelled && holds(body),
  }
}

function labelOf<E extends string>(
  kind: LabelSpec['kind'],
  event: EventRef<E>,
  { gap, horizon, where }: LabelOptions<E>,
): LabelSpec {
  const horizonMs = parseDuration(horizon)
  if (horizonMs === 0) {
    throw configurationError('LABEL_INVALID', 'the horizon of a label must be above 0 ms')
  }
  return { kind, source: sourceOf(event, where), gapMs: parseDuration(gap), horizonMs }
}

function sourceOf<E extends string>(
  event: EventRef<E>,
  where: Condition<E> | undefined,
): SourceSpec {
  if (where !== undefined && where.event !== event[eventKey]) {
    throw configurationError(
      'CONDITION_INVALID',
      `a condition on ${where.event} cannot select events of type ${event[eventKey]}`,
    )
  }
  return { event: event[eventKey], field: null, where: where?.spec ?? null }
}

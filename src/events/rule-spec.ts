/**
 * Data rules as an app declares them: typed references and plain data, never closures, for they are
 * part of the app hash.
 */
import { configurationError } from '../errors.js'
import {
  eventKey,
  events,
  fieldKey,
  type EventRef,
  type FieldRef,
  type On,
} from '../features/refs.js'
import type { EventSchemas } from './schema-types.js'

/** A broken rule refuses the event, or is only counted under the rule's name. */
export type RuleAction = 'reject' | 'flag'

interface FieldRule {
  readonly name: string
  readonly action: RuleAction
  readonly event: string
  readonly field: string
}

/** One rule as plain data; this is what is hashed. */
export type RuleSpec =
  | (FieldRule & { readonly kind: 'required' })
  | (FieldRule & { readonly kind: 'range'; readonly min: number; readonly max: number })
  | (FieldRule & { readonly kind: 'allowed'; readonly values: readonly (string | number)[] })
  | {
      readonly kind: 'reference'
      readonly name: string
      readonly action: RuleAction
      /** The event type of which an accepted event is due at a lower offset. */
      readonly event: string
      readonly forEvents: readonly string[]
    }

/** The rules of an app; `spec` is part of the app hash. */
export interface RuleSet {
  readonly spec: readonly RuleSpec[]
}

export interface RuleOptions {
  /** Default `reject`. */
  readonly action?: RuleAction
  /** Under which a flagging rule counts; default event, field and kind. */
  readonly name?: string
}

/**
 * Declares the data rules of an app; they run in the order given, the first one broken refuses.
 *
 * Errors: `RULE_INVALID`, `EVENT_UNKNOWN`, `FIELD_UNKNOWN` (exit 78).
 *
 * @example
 * rules(customerEvents, ({ on }) => [
 *   range(on.customer_profile.age, 18, 100),
 *   reference('hasProfile', { to: on.customer_profile, from: [on.session] }),
 * ])
 */
export function rules<S extends EventSchemas>(
  schemas: S,
  declare: (tools: { readonly on: On<S> }) => readonly RuleSpec[],
): RuleSet {
  const spec = declare({ on: events(schemas) })
  const names = new Set<string>()
  for (const { name } of spec) {
    if (names.has(name)) throw invalid(name, 'two rules have this name')
    names.add(name)
  }
  return { spec }
}

/** The field must not be null, and a string not empty. */
export function required(field: FieldRef<string, unknown>, options?: RuleOptions): RuleSpec {
  return { kind: 'required', ...fieldRule('required', field, options) }
}

/** The number must lie in [min, max], both included; null passes. */
export function range(
  field: FieldRef<string, number>,
  min: number,
  max: number,
  options?: RuleOptions,
): RuleSpec {
  const rule = fieldRule('range', field, options)
  if (!(Number.isFinite(min) && Number.isFinite(max) && min <= max)) {
    throw invalid(rule.name, `[${min}, ${max}] is no range of finite numbers`)
  }
  return { kind: 'range', ...rule, min, max }
}

/** The value must be one of those listed; null passes. */
export function allowed<V extends string | number>(
  field: FieldRef<string, V>,
  values: readonly NoInfer<V>[],
  options?: RuleOptions,
): RuleSpec {
  const rule = fieldRule('allowed', field, options)
  if (values.length === 0) throw invalid(rule.name, 'no value is allowed')
  return { kind: 'allowed', ...rule, values: [...values] }
}

/**
 * An event of `from` needs an accepted event of type `to` of the same customer at a lower offset.
 * It flags unless told to reject: sources seldom arrive in an order that could be relied upon.
 */
export function reference(
  name: string,
  ends: { readonly to: EventRef<string>; readonly from: readonly EventRef<string>[] },
  action: RuleAction = 'flag',
): RuleSpec {
  const forEvents = ends.from.map((event) => event[eventKey])
  if (forEvents.length === 0) throw invalid(name, 'it is for no event')
  return { kind: 'reference', name, action, event: ends.to[eventKey], forEvents }
}

function fieldRule(
  kind: string,
  ref: FieldRef<string, unknown>,
  options: RuleOptions | undefined,
): FieldRule {
  const { event, field } = ref[fieldKey]
  const name = options?.name ?? `${event}.${field} ${kind}`
  return { name, action: options?.action ?? 'reject', event, field }
}

const invalid = (name: string, text: string): Error =>
  configurationError('RULE_INVALID', `rule ${name}: ${text}`)

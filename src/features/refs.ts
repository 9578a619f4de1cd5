/**
 * The nouns of the declaration language: events and their fields as typed values, and conditions
 * made of them. `on.payment.status.is('failed')` is an expression, never a closure: it is hashed,
 * it names the fields that it reads, and any other implementation can evaluate it.
 */
import { configurationError } from '../errors.js'
import type { AvroRecordSchema, AvroValue, EventSchemas } from '../events/schema-types.js'
import { nearest } from './nearest.js'
import type { Comparison, ConditionSpec } from './spec.js'

/** Keys under which references keep what they are; no field can have their names. */
export const eventKey: unique symbol = Symbol('tidemark.event')
export const fieldKey: unique symbol = Symbol('tidemark.field')

/** An event type. */
export interface EventRef<E extends string> {
  readonly [eventKey]: E
}

/** A field of an event type; `V` is its value without null. */
export interface FieldRef<E extends string, V> {
  readonly [fieldKey]: { readonly event: E; readonly field: string; readonly value?: V }
}

interface Conditions<E extends string, V, T> {
  /** Equal; false where the field is null. */
  is(value: V): Condition<E>
  /** Not equal; false where the field is null. */
  isNot(value: V): Condition<E>
  /** Not null: only a nullable field has it, of any other it would always be true. */
  readonly present: null extends T ? () => Condition<E> : never
}

/** A string or enum; `V` is the union of an enum's symbols. */
export interface TextField<E extends string, V extends string, T = V>
  extends FieldRef<E, V>, Conditions<E, V, T> {
  in(...values: readonly V[]): Condition<E>
}

export interface FlagField<E extends string, T = boolean>
  extends FieldRef<E, boolean>, Conditions<E, boolean, T> {}

export interface NumberField<E extends string, T = number>
  extends FieldRef<E, number>, Conditions<E, number, T> {
  in(...values: readonly number[]): Condition<E>
  above(value: number): Condition<E>
  atLeast(value: number): Condition<E>
  below(value: number): Condition<E>
  atMost(value: number): Condition<E>
}

/** A field of a type (bytes, array, map, record) that no feature can read. */
export interface OpaqueField<E extends string> {
  readonly [eventKey]?: E
}

type FieldOf<E extends string, T> = [NonNullable<T>] extends [number]
  ? NumberField<E, T>
  : [NonNullable<T>] extends [boolean]
    ? FlagField<E, T>
    : [NonNullable<T>] extends [string]
      ? TextField<E, NonNullable<T>, T>
      : OpaqueField<E>

type FieldsOf<E extends string, R extends AvroRecordSchema> = {
  readonly [F in R['fields'][number] as F['name']]: FieldOf<E, AvroValue<F['type']>>
}

/** `on`: every event type of the schemas, with its fields. */
export type On<S extends EventSchemas> = {
  readonly [E in keyof S & string]: EventRef<E> & FieldsOf<E, S[E]>
}

/** A condition on the fields of one event of type `E`. */
export class Condition<E extends string> {
  constructor(
    readonly event: E,
    readonly spec: ConditionSpec,
  ) {}
}

/** All of the conditions hold. */
export function and<E extends string>(...of: readonly Condition<E>[]): Condition<E> {
  return combine('and', of)
}

/** At least one of the conditions holds. */
export function or<E extends string>(...of: readonly Condition<E>[]): Condition<E> {
  return combine('or', of)
}

/**
 * The opposite, pushed down to the fields: a condition on a null field stays false, as in SQL.
 *
 * @example not(on.payment.status.is('failed')) // the same as on.payment.status.isNot('failed')
 */
export function not<E extends string>(condition: Condition<E>): Condition<E> {
  return new Condition(condition.event, negate(condition.spec))
}

const OPPOSITE: Record<Comparison, Comparison> = {
  '=': '!=',
  '!=': '=',
  '<': '>=',
  '>=': '<',
  '>': '<=',
  '<=': '>',
}

/** A condition that holds exactly where this one does not and every field that it reads is there. */
export function negate(spec: ConditionSpec): ConditionSpec {
  switch (spec.op) {
    case 'and':
    case 'or':
      return { op: spec.op === 'and' ? 'or' : 'and', of: spec.of.map(negate) }
    case 'not':
      return spec.of
    case 'present':
      return { op: 'not', of: spec }
    case 'in':
      return {
        op: 'and',
        of: spec.values.map((value) => ({ op: '!=', field: spec.field, value })),
      }
    case '=':
    case '!=':
    case '<':
    case '<=':
    case '>':
    case '>=':
      return { op: OPPOSITE[spec.op], field: spec.field, value: spec.value }
  }
}

function combine<E extends string>(
  op: 'and' | 'or',
  conditions: readonly Condition<E>[],
): Condition<E> {
  const first = conditions[0]
  if (first === undefined) {
    throw configurationError('CONDITION_INVALID', `${op}() needs at least one condition`)
  }
  const other = conditions.find((condition) => condition.event !== first.event)
  if (other !== undefined) {
    throw configurationError(
      'CONDITION_INVALID',
      `${op}() mixes conditions on ${first.event} and on ${other.event}`,
    )
  }
  return new Condition(first.event, { op, of: conditions.map(({ spec }) => spec) })
}

/** All fields at run time; the interfaces above show of it what a field's type allows. */
class AnyField {
  readonly [fieldKey]: { readonly event: string; readonly field: string }

  constructor(event: string, field: string) {
    this[fieldKey] = { event, field }
  }

  is(value: string | number | boolean): Condition<string> {
    return this.#compare('=', value)
  }
  isNot(value: string | number | boolean): Condition<string> {
    return this.#compare('!=', value)
  }
  above(value: number): Condition<string> {
    return this.#compare('>', value)
  }
  atLeast(value: number): Condition<string> {
    return this.#compare('>=', value)
  }
  below(value: number): Condition<string> {
    return this.#compare('<', value)
  }
  atMost(value: number): Condition<string> {
    return this.#compare('<=', value)
  }
  in(...values: readonly (string | number)[]): Condition<string> {
    return this.#condition({ op: 'in', values })
  }
  present(): Condition<string> {
    return this.#condition({ op: 'present' })
  }

  #compare(op: Comparison, value: string | number | boolean): Condition<string> {
    return this.#condition({ op, value })
  }

  #condition(rest: object): Condition<string> {
    const { event, field } = this[fieldKey]
    return new Condition(event, { ...rest, field } as ConditionSpec)
  }
}

/**
 * The event types of an app as typed references, for `labels.ts`; `features` hands them out too.
 *
 * @throws `EVENT_UNKNOWN`, `FIELD_UNKNOWN` when read, where no compiler has checked the names
 * @example const on = events(customerEvents)
 */
export function events<S extends EventSchemas>(schemas: S): On<S> {
  const refs = Object.entries(schemas).map(([event, schema]) => {
    const fields = schema.fields.map(({ name }) => [name, new AnyField(event, name)] as const)
    const members = { [eventKey]: event, ...Object.fromEntries(fields) }
    return [event, guarded(members, 'FIELD_UNKNOWN', `event ${event} has no field`)] as const
  })
  return guarded(Object.fromEntries(refs), 'EVENT_UNKNOWN', 'there is no event') as On<S>
}

/** An object that objects to names which it does not have: the compiler's part for JavaScript. */
function guarded<T extends object>(members: T, code: string, text: string): T {
  return new Proxy(members, {
    get(target, name) {
      if (typeof name === 'symbol' || Object.hasOwn(target, name)) return Reflect.get(target, name)
      throw configurationError(code, `${text} ${name}${nearest(name, Object.keys(target))}`)
    },
  })
}

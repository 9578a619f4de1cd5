/**
 * TypeScript types out of Avro schemas. The schemas are written `as const` (a generated
 * `schemas.gen.ts`; an imported JSON file would widen every name to `string`), so that a misspelt
 * event, field or enum symbol is an error of the compiler.
 */

export interface AvroEnum {
  readonly type: 'enum'
  readonly name: string
  readonly symbols: readonly string[]
}

export interface AvroFixed {
  readonly type: 'fixed'
  readonly name: string
  readonly size: number
}

export interface AvroArray {
  readonly type: 'array'
  readonly items: AvroType
}

export interface AvroMap {
  readonly type: 'map'
  readonly values: AvroType
}

/** A primitive with attributes, mostly a logical type such as `timestamp-millis`. */
export interface AvroAnnotated {
  readonly type: string
  readonly logicalType?: string
}

export type AvroUnion = readonly AvroType[]

/** Any Avro type: a primitive's name, the name of a type declared before, or a complex type. */
export type AvroType =
  string | AvroEnum | AvroFixed | AvroArray | AvroMap | AvroAnnotated | AvroRecordSchema | AvroUnion

export interface AvroField {
  readonly name: string
  readonly type: AvroType
  readonly doc?: string
  readonly default?: unknown
}

/** The schema of one event type: an Avro record whose first fields are the envelope. */
export interface AvroRecordSchema {
  readonly type: 'record'
  readonly name: string
  readonly namespace?: string
  readonly doc?: string
  readonly fields: readonly AvroField[]
}

/** All event types of an app: the key is the event type, which is the record's name. */
export type EventSchemas = Readonly<Record<string, AvroRecordSchema>>

interface PrimitiveValues {
  readonly null: null
  readonly boolean: boolean
  readonly int: number
  readonly long: number
  readonly float: number
  readonly double: number
  readonly string: string
  readonly bytes: Uint8Array
}

/** The value of an Avro type as the codec gives it: times are integer ms UTC, enums strings. */
export type AvroValue<T> = T extends keyof PrimitiveValues
  ? PrimitiveValues[T]
  : T extends readonly (infer Member)[]
    ? AvroValue<Member>
    : T extends { readonly type: 'enum'; readonly symbols: readonly (infer Symbol)[] }
      ? Symbol
      : T extends { readonly type: 'array'; readonly items: infer Item }
        ? readonly AvroValue<Item>[]
        : T extends { readonly type: 'map'; readonly values: infer Value }
          ? Readonly<Record<string, AvroValue<Value>>>
          : T extends { readonly type: 'fixed' }
            ? Uint8Array
            : T extends AvroRecordSchema
              ? RecordValue<T>
              : T extends { readonly type: infer Inner extends string }
                ? AvroValue<Inner>
                : unknown

/** The object type of an Avro record. */
export type RecordValue<R extends AvroRecordSchema> = {
  readonly [F in R['fields'][number] as F['name']]: AvroValue<F['type']>
}

/**
 * The events of an app by type.
 *
 * @example
 * type Session = EventsOf<typeof customerEvents>['session']
 */
export type EventsOf<S extends EventSchemas> = {
  readonly [Type in keyof S]: RecordValue<S[Type]>
}

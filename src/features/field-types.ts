/** What the engine knows of a field from its Avro type. */
import type { AvroType, EventSchemas } from '../events/schema-types.js'
import type { FeatureExpression, SourceSpec } from './spec.js'

export interface FieldType {
  readonly kind: 'long' | 'double' | 'string' | 'boolean' | 'opaque'
  readonly nullable: boolean
  /** An enum's symbols in the reader schema's order. */
  readonly symbols: readonly string[] | null
}

const PRIMITIVES: Readonly<Record<string, FieldType['kind']>> = {
  int: 'long',
  long: 'long',
  float: 'double',
  double: 'double',
  string: 'string',
  boolean: 'boolean',
}

/** The type of a field, or null where the event type or the field does not exist. */
export function fieldTypeOf(schemas: EventSchemas, event: string, field: string): FieldType | null {
  const schema = Object.hasOwn(schemas, event) ? schemas[event] : undefined
  const found = schema?.fields.find(({ name }) => name === field)
  return found === undefined ? null : describe(found.type)
}

function describe(type: AvroType): FieldType {
  if (typeof type === 'string') {
    return { kind: PRIMITIVES[type] ?? 'opaque', nullable: type === 'null', symbols: null }
  }
  if (Array.isArray(type)) {
    const members = (type as readonly AvroType[]).filter((member) => member !== 'null')
    const inner = members.length === 1 ? describe(members[0]) : null
    const nullable = members.length < type.length || (inner?.nullable ?? false)
    return { kind: inner?.kind ?? 'opaque', nullable, symbols: inner?.symbols ?? null }
  }
  const complex = type as { readonly type: string; readonly symbols?: readonly string[] }
  if (complex.type === 'enum') {
    return { kind: 'string', nullable: false, symbols: complex.symbols ?? [] }
  }
  return { kind: PRIMITIVES[complex.type] ?? 'opaque', nullable: false, symbols: null }
}

/** The column type of an expression; a boolean's latest value is told as text. */
export function columnType(
  expression: FeatureExpression,
  schemas: EventSchemas,
): 'long' | 'double' | 'string' {
  switch (expression.kind) {
    case 'count':
    case 'distinct':
    case 'daysSince':
    case 'tenure':
      return 'long'
    case 'latest':
    case 'first':
      return valueColumn(expression.source, schemas)
    case 'sum':
    case 'mean':
    case 'min':
    case 'max':
    case 'stddev':
    case 'rate':
    case 'ratio':
    case 'change':
      return 'double'
  }
}

/** Only counts and days are `long`: an integer field's value is a number like any other. */
function valueColumn(source: SourceSpec, schemas: EventSchemas): 'double' | 'string' {
  const type = source.field === null ? null : fieldTypeOf(schemas, source.event, source.field)
  return type?.kind === 'long' || type?.kind === 'double' ? 'double' : 'string'
}

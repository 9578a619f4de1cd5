/** What an app's event schemas must keep, so that codec, features, rules and SQL can rely on it. */
import avsc from 'avsc'
import { configurationError } from '../errors.js'
import { canonicalJson } from '../features/canonical-json.js'
import { envelopeFields } from './envelope.js'
import type { AvroRecordSchema, AvroType, EventSchemas } from './schema-types.js'
import { withoutDocs } from './schema-ids.js'

/** Types accepted are remembered as bits of one 32-bit integer, and the sign is left alone. */
const EVENT_TYPES_MAX = 31

const AVRO_NAME = /^[A-Za-z_][A-Za-z0-9_]*$/

/** Columns of the input SQL with a meaning of their own, and names that JavaScript objects have. */
const RESERVED_FIELDS = new Set(
  'type logged_at constructor prototype __proto__ then toString valueOf hasOwnProperty'.split(' '),
)
/** Names of the output records. */
const RESERVED_TYPES = new Set(
  'features scores constructor prototype __proto__ then toString valueOf hasOwnProperty'.split(' '),
)
const PRIMITIVES = new Set('null boolean int long float double string bytes'.split(' '))

/**
 * The schemas by event type, sorted by name; raises `SCHEMA_INVALID` (exit 78) with all that is
 * wrong with all of them.
 *
 * @param schemas parsed JSON by where it comes from, such as a file's name
 */
export function checkEventSchemas(schemas: ReadonlyMap<string, unknown>): EventSchemas {
  const faults: string[] = []
  const found = new Map<string, AvroRecordSchema>()
  for (const [origin, schema] of schemas) {
    const own = schemaFaults(schema)
    for (const fault of own) faults.push(`${origin}: ${fault}`)
    if (own.length > 0) continue
    const record = schema as AvroRecordSchema
    if (found.has(record.name)) faults.push(`${origin}: ${record.name} is declared twice`)
    found.set(record.name, record)
  }
  if (schemas.size > EVENT_TYPES_MAX) {
    faults.push(`${schemas.size} event types; an app can have ${EVENT_TYPES_MAX}`)
  }
  if (schemas.size === 0) faults.push('there is no schema: one Avro record per event type is due')
  if (faults.length > 0) throw configurationError('SCHEMA_INVALID', faults.join('\n'))
  return Object.fromEntries([...found].sort(([a], [b]) => (a < b ? -1 : 1)))
}

function schemaFaults(schema: unknown): string[] {
  const record = schema as Partial<AvroRecordSchema> | null
  if (typeof record !== 'object' || record?.type !== 'record') {
    return ['it is not a record; an event type is an Avro record']
  }
  if (typeof record.name !== 'string' || !AVRO_NAME.test(record.name)) {
    return [`record name ${JSON.stringify(record.name)}: letters, digits and _ are due`]
  }
  if (RESERVED_TYPES.has(record.name)) return [`record name ${record.name} is reserved`]
  if (!Array.isArray(record.fields)) return ['it has no fields']
  const faults = envelopeFaults(record as AvroRecordSchema)
  for (const field of record.fields.slice(envelopeFields.length)) {
    if (RESERVED_FIELDS.has(field.name)) faults.push(`field name ${field.name} is reserved`)
    if (!isFlat(field.type)) {
      faults.push(
        `field ${field.name}: an event is flat; a primitive, an enum or one of them with null is due`,
      )
    }
  }
  try {
    avsc.Type.forSchema(schema as avsc.Schema)
  } catch (error) {
    faults.push((error as Error).message)
  }
  return faults
}

function envelopeFaults(record: AvroRecordSchema): string[] {
  return envelopeFields.flatMap((due, index) => {
    const field = record.fields[index]
    return field !== undefined && canonicalJson(withoutDocs(field)) === canonicalJson(due)
      ? []
      : [`field ${index + 1} must be ${JSON.stringify(due)}`]
  })
}

/** Nested values could be neither conditions nor columns, and their claimed sizes are a risk. */
export function isFlat(type: AvroType): boolean {
  if (typeof type === 'string') return PRIMITIVES.has(type)
  if (Array.isArray(type)) {
    const branches = (type as readonly AvroType[]).filter((branch) => branch !== 'null')
    return branches.length === 1 && type.length <= 2 && isFlat(branches[0])
  }
  const complex = type as { readonly type: string; readonly symbols?: readonly string[] }
  return complex.type === 'enum' || PRIMITIVES.has(complex.type)
}

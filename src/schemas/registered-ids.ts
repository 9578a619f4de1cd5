/** An app's own schemas in a registry: finding their ids, and putting them there. */
import avsc from 'avsc'
import { configurationError, TidemarkError } from '../errors.js'
import {
  requireReadable,
  sameSchema,
  subjectOf,
  type RegisteredSchema,
  type SchemaIds,
} from '../events/schema-ids.js'
import type { AvroRecordSchema } from '../events/schema-types.js'
import type { NumberedSchema, SchemaRegistry } from './schemas.js'

/**
 * The ids under which an app's schemas are registered.
 *
 * @throws TidemarkError SCHEMA_UNREGISTERED (78) with all that are missing, and what the registry
 *   raises
 */
export async function registeredIds(
  registry: Pick<SchemaRegistry, 'versions'>,
  schemas: readonly AvroRecordSchema[],
): Promise<SchemaIds> {
  const ids: Record<string, RegisteredSchema> = {}
  const missing: string[] = []
  for (const schema of schemas) {
    const subject = subjectOf(schema)
    const found = newestOf(await registry.versions(subject), schema)
    if (found === null) missing.push(subject)
    else ids[found.id] = { subject, version: found.version, schema }
  }
  if (missing.length === 0) return ids
  const text = `the registry has no version of ${missing.join(', ')} as the app now declares it`
  throw configurationError('SCHEMA_UNREGISTERED', `${text}; run tidemark schemas register`)
}

/** One schema of an app, and what became of it. */
export interface Registration {
  readonly subject: string
  readonly id: number
  /** Whether it was there already. */
  readonly present: boolean
}

export interface SchemasToRegister {
  readonly events: readonly AvroRecordSchema[]
  /** Of the output topics: each reader takes the schema of the id, so they may change in any way. */
  readonly outputs: readonly AvroRecordSchema[]
  /** The app's registry file. */
  readonly history: SchemaIds
}

/**
 * Registers what the registry lacks. All is compared before anything is written: records of every
 * version that the registry has must be readable with the new one.
 *
 * A subject that the registry does not know gets all its versions of the app's file, in the order
 * of their ids: so a registry that is new gives the ids that the records of an embedded log have.
 *
 * @throws TidemarkError SCHEMA_INCOMPATIBLE (78) with all that are not, and what the registry raises
 */
export async function registerAll(
  registry: SchemaRegistry,
  { events, outputs, history }: SchemasToRegister,
): Promise<Registration[]> {
  const own = [...events, ...outputs]
  const known = new Map<string, readonly NumberedSchema[]>()
  for (const schema of own) {
    const subject = subjectOf(schema)
    known.set(subject, await registry.versions(subject))
  }
  requireCompatible(events, known)
  const isOutput = new Set(outputs.map(subjectOf))
  const registrations: Registration[] = []
  for (const { subject, schema } of dueOf(own, history, known)) {
    const found = exactly(known.get(subject) ?? [], schema)
    if (found !== null) {
      registrations.push({ subject, id: found.id, present: true })
      continue
    }
    const isChange = (known.get(subject) ?? []).length > 0
    if (isChange && isOutput.has(subject)) await registry.allowAnyChange(subject)
    const id = await registry.register(subject, schema)
    known.set(subject, await registry.versions(subject))
    registrations.push({ subject, id, present: false })
  }
  return registrations
}

/** Every version of a new subject, in the order of the file's ids; of others the newest. */
function dueOf(
  own: readonly AvroRecordSchema[],
  history: SchemaIds,
  known: ReadonlyMap<string, readonly NumberedSchema[]>,
): { readonly subject: string; readonly schema: AvroRecordSchema }[] {
  const due = Object.entries(history)
    .sort(([a], [b]) => Number(a) - Number(b))
    .map(([, { subject, schema }]) => ({ subject, schema }))
    .filter(({ subject, schema }) => {
      const isNew = known.get(subject)?.length === 0
      return isNew || own.some((current) => sameSchema(current, schema))
    })
  const left = own.filter((schema) => !due.some((entry) => sameSchema(entry.schema, schema)))
  return [...due, ...left.map((schema) => ({ subject: subjectOf(schema), schema }))]
}

function requireCompatible(
  events: readonly AvroRecordSchema[],
  known: ReadonlyMap<string, readonly NumberedSchema[]>,
): void {
  const faults: string[] = []
  for (const schema of events) {
    for (const version of known.get(subjectOf(schema)) ?? []) {
      try {
        requireReadable(version, schema)
      } catch (error) {
        if (!(error instanceof TidemarkError)) throw error
        faults.push(error.message)
      }
    }
  }
  if (faults.length > 0) throw configurationError('SCHEMA_INCOMPATIBLE', faults.join('\n'))
}

function exactly(versions: readonly NumberedSchema[], schema: AvroRecordSchema) {
  return versions.findLast((version) => sameSchema(version.schema, schema)) ?? null
}

/**
 * The newest version that says the same, docs apart; or else one whose records have the same bytes,
 * for a registry may write a schema in its own way.
 */
function newestOf(versions: readonly NumberedSchema[], schema: AvroRecordSchema) {
  const canonical = canonicalForm(schema)
  const alike = versions.findLast((version) => canonicalForm(version.schema) === canonical)
  return exactly(versions, schema) ?? alike ?? null
}

/** Avro's parsing canonical form: what decides how bytes are read. */
function canonicalForm(schema: AvroRecordSchema): string | null {
  try {
    return JSON.stringify(avsc.Type.forSchema(schema as unknown as avsc.Schema).schema())
  } catch {
    // A schema of somebody else that avsc does not take is none of ours.
    return null
  }
}

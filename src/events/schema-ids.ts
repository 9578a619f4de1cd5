/**
 * The registry of an app that has no registry server: which schema each id in the header of a
 * record means. It only grows, for records with old ids stay in the log for ever.
 */
import avsc from 'avsc'
import { configurationError } from '../errors.js'
import { canonicalJson } from '../features/canonical-json.js'
import type { AvroRecordSchema } from './schema-types.js'

export interface RegisteredSchema {
  /** Full name of the record (the registry's RecordNameStrategy). */
  readonly subject: string
  /** Counts from 1 within the subject. */
  readonly version: number
  readonly schema: AvroRecordSchema
}

/** By id, a positive integer in decimal; ids are given in order and never again. */
export type SchemaIds = Readonly<Record<string, RegisteredSchema>>

/** @example subjectOf({ type: 'record', name: 'session', namespace: 'shop', fields }) // 'shop.session' */
export function subjectOf(schema: AvroRecordSchema): string {
  return schema.namespace === undefined ? schema.name : `${schema.namespace}.${schema.name}`
}

/** A schema without its docs, which change neither bytes nor how they are read. */
export function withoutDocs<T>(schema: T): T {
  if (Array.isArray(schema)) return schema.map((part) => withoutDocs(part as unknown)) as T
  if (typeof schema !== 'object' || schema === null) return schema
  const parts = Object.entries(schema).filter(
    // A field's default may be any JSON, in which `doc` is nobody's comment.
    ([name, value]) => name !== 'doc' || typeof value !== 'string',
  )
  return Object.fromEntries(
    parts.map(([name, value]) => [name, name === 'default' ? value : withoutDocs<unknown>(value)]),
  ) as T
}

/** Whether two schemas say the same, docs apart. */
export function sameSchema(left: AvroRecordSchema, right: AvroRecordSchema): boolean {
  // A start compares each schema with all of the registry: most differ in their names already.
  if (left.name !== right.name) return false
  return canonicalJson(withoutDocs(left)) === canonicalJson(withoutDocs(right))
}

/** The id under which a schema was registered last, or null where it never was. */
export function idOf(ids: SchemaIds, schema: AvroRecordSchema): number | null {
  let found: number | null = null
  for (const [id, entry] of Object.entries(ids)) {
    if (sameSchema(entry.schema, schema)) found = Math.max(found ?? 0, Number(id))
  }
  return found
}

/** How a schema is compared with the earlier ones of its subject. */
export type Compatibility = 'backward' | 'none'

/**
 * The registry with `schemas` in it; those that the newest version of their subject already says
 * keep its id.
 *
 * Under `backward` every record written with an earlier version must be readable with the new one
 * by Avro's schema resolution; else `SCHEMA_INCOMPATIBLE` (exit 78). Under `none` it need not.
 */
export function registerSchemas(
  ids: SchemaIds,
  schemas: readonly AvroRecordSchema[],
  compatibility: Compatibility,
): SchemaIds {
  const grown: Record<string, RegisteredSchema> = { ...ids }
  let lastId = Object.keys(ids).reduce((max, id) => Math.max(max, Number(id)), 0)
  for (const schema of schemas) {
    const subject = subjectOf(schema)
    const earlier = Object.values(grown).filter((entry) => entry.subject === subject)
    const newest = earlier.reduce<RegisteredSchema | null>(
      (best, entry) => (best === null || entry.version > best.version ? entry : best),
      null,
    )
    if (newest !== null && sameSchema(newest.schema, schema)) continue
    if (compatibility === 'backward') {
      for (const entry of earlier) requireReadable(entry, schema)
    }
    const version = (newest?.version ?? 0) + 1
    grown[++lastId] = { subject, version, schema }
  }
  return grown
}

/**
 * The registry with the schemas of an app's two output topics in it. Their columns come and go with
 * the features, and every reader takes the schema of the id, so no compatibility is asked.
 */
export function registerOutputs(
  ids: SchemaIds,
  outputs: { readonly features: AvroRecordSchema; readonly scores: AvroRecordSchema },
): SchemaIds {
  return registerSchemas(ids, [outputs.features, outputs.scores], 'none')
}

/** Raises `SCHEMA_INCOMPATIBLE` (78) where records of one cannot be read with the other. */
export function requireReadable(writer: RegisteredSchema, reader: AvroRecordSchema): void {
  try {
    avscType(reader).createResolver(avscType(writer.schema))
  } catch (error) {
    throw configurationError(
      'SCHEMA_INCOMPATIBLE',
      `schema ${writer.subject}: records of version ${writer.version} cannot be read with the new ` +
        `one (${(error as Error).message}); give a new field a default, keep the types of old ones`,
      error,
    )
  }
}

const avscType = (schema: AvroRecordSchema): avsc.Type =>
  avsc.Type.forSchema(schema as unknown as avsc.Schema)

/**
 * An app's schema files into what its code and its records refer to: `ids.json`, the registry that
 * only grows, and `schemas.gen.ts`, the same schemas for the compiler.
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { configurationError } from '../errors.js'
import { checkEventSchemas } from './schema-check.js'
import {
  registerOutputs,
  registerSchemas,
  sameSchema,
  type RegisteredSchema,
  type SchemaIds,
} from './schema-ids.js'
import type { AvroRecordSchema, EventSchemas } from './schema-types.js'

/** Where an app keeps its schemas. */
export interface SchemaFolder {
  /** Folder of `*.avsc`, one event type each, and of `ids.json`. */
  readonly schemas: string
  /** Path of the TypeScript file to write. */
  readonly generated: string
  /** Where the generated file finds the types: `tidemark`, but for the built-in app. */
  readonly importFrom: string
}

/** The schemas of the two output topics, made from the app's columns. */
export interface OutputSchemas {
  readonly features: AvroRecordSchema
  readonly scores: AvroRecordSchema
}

export interface SchemaFiles {
  readonly events: EventSchemas
  readonly ids: SchemaIds
  /** Text of each file as it should be, by path. */
  readonly texts: ReadonlyMap<string, string>
}

/**
 * What the files should say; writes nothing.
 *
 * Raises `SCHEMA_INVALID`, `SCHEMA_INCOMPATIBLE` or `SCHEMA_IDS_INVALID` (exit 78).
 */
export function schemaFiles(folder: SchemaFolder, outputs: OutputSchemas | null): SchemaFiles {
  const events = readEventSchemas(folder.schemas)
  const idsPath = join(folder.schemas, 'ids.json')
  let ids = registerSchemas(readIds(idsPath), Object.values(events), 'backward')
  if (outputs !== null) ids = registerOutputs(ids, outputs)
  const texts = new Map([
    [idsPath, `${layOut(ids, json)}\n`],
    [folder.generated, generatedText(folder.importFrom, events, ids)],
  ])
  return { events, ids, texts }
}

/** Paths of the files that do not say what they should. */
export function staleFiles(files: SchemaFiles): string[] {
  return [...files.texts]
    .filter(([path, text]) => !existsSync(path) || readFileSync(path, 'utf8') !== text)
    .map(([path]) => path)
}

/** Writes the stale files and returns their paths. */
export function writeSchemaFiles(files: SchemaFiles): string[] {
  const stale = staleFiles(files)
  for (const path of stale) writeFileSync(path, files.texts.get(path)!)
  return stale
}

function readEventSchemas(folder: string): EventSchemas {
  const names = existsSync(folder)
    ? readdirSync(folder).filter((name) => name.endsWith('.avsc'))
    : []
  const schemas = new Map<string, unknown>()
  for (const name of names.sort()) schemas.set(name, readJson(join(folder, name), 'SCHEMA_INVALID'))
  const events = checkEventSchemas(schemas)
  for (const type of Object.keys(events)) {
    if (schemas.has(`${type}.avsc`)) continue
    throw configurationError('SCHEMA_INVALID', `record ${type} must stand in ${type}.avsc`)
  }
  return events
}

function readIds(path: string): SchemaIds {
  if (!existsSync(path)) return {}
  const ids = readJson(path, 'SCHEMA_IDS_INVALID') as Record<string, Partial<RegisteredSchema>>
  Object.entries(ids).forEach(([id, entry], index) => {
    const fits =
      id === String(index + 1) &&
      typeof entry.subject === 'string' &&
      Number.isInteger(entry.version) &&
      typeof entry.schema === 'object'
    if (fits) return
    throw configurationError(
      'SCHEMA_IDS_INVALID',
      `${path}, entry ${id}: ids 1, 2, 3 … with {subject, version, schema} are due; the file only ` +
        'grows and is not written by hand',
    )
  })
  return ids as SchemaIds
}

function readJson(path: string, code: string): unknown {
  try {
    return JSON.parse(readFileSync(path, 'utf8'))
  } catch (error) {
    throw configurationError(code, `${path}: ${(error as Error).message}`, error)
  }
}

function generatedText(importFrom: string, events: EventSchemas, ids: SchemaIds): string {
  const entries = Object.entries(ids).map(([id, { subject, version, schema }]) => {
    const current = Object.keys(events).find((type) => sameSchema(events[type], schema))
    const text =
      current === undefined ? layOut(schema, typescript, '    ', 12) : `customerEvents.${current}`
    return [
      `  ${id}: {\n`,
      `    subject: '${subject}',\n`,
      `    version: ${version},\n`,
      `    schema: ${text},\n  },\n`,
    ].join('')
  })
  const types = Object.entries(events).map(
    ([type, schema]) => `  ${type}: ${layOut(schema, typescript, '  ', type.length + 4)},\n`,
  )
  return [
    '// Made from the *.avsc and ids.json by `npm run schemas`; not to be changed by hand.\n',
    '/* oxlint-disable max-lines -- generated */\n',
    `import type { EventSchemas, SchemaIds } from '${importFrom}'\n`,
    '\n/** The event types of this app. */\n',
    `export const customerEvents = {\n${types.join('')}} as const satisfies EventSchemas\n`,
    '\n/** What each id in the header of a record means. */\n',
    `export const schemaIds: SchemaIds = {\n${entries.join('')}}\n`,
  ].join('')
}

/** How a text writes names and strings: as JSON, or as this project writes TypeScript. */
interface Script {
  readonly name: (name: string) => string
  readonly string: (text: string) => string
  /** Behind the last of several lines. */
  readonly comma: string
}

const json: Script = { name: JSON.stringify, string: JSON.stringify, comma: '' }

const typescript: Script = {
  name: (name) => (/^\w+$/.test(name) ? name : `'${name}'`),
  string: (text) => (/['\\\n]/.test(text) ? JSON.stringify(text) : `'${text}'`),
  comma: ',',
}

const LINE_MAX = 100

/** A JSON value, on one line where it fits behind `column` characters. */
function layOut(value: unknown, script: Script, indent = '', column = 0): string {
  const line = onOneLine(value, script)
  if (column + line.length < LINE_MAX || typeof value !== 'object' || value === null) return line
  const inner = `${indent}  `
  const parts = membersOf(value, script).map(
    ([name, item]) => inner + name + layOut(item, script, inner, inner.length + name.length),
  )
  const [open, close] = Array.isArray(value) ? ['[', ']'] : ['{', '}']
  return `${open}\n${parts.join(',\n')}${script.comma}\n${indent}${close}`
}

function onOneLine(value: unknown, script: Script): string {
  if (typeof value === 'string') return script.string(value)
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  const parts = membersOf(value, script).map(([name, item]) => name + onOneLine(item, script))
  return Array.isArray(value) ? `[${parts.join(', ')}]` : `{ ${parts.join(', ')} }`
}

function membersOf(value: object, script: Script): [name: string, item: unknown][] {
  return Array.isArray(value)
    ? value.map((item: unknown) => ['', item])
    : Object.entries(value).map(([name, item]) => [`${script.name(name)}: `, item])
}

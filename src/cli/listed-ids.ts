/**
 * Ids of schemas across the generations of a directory. Records of all of them are in the log, so an
 * id means one schema in all, and each generation reads what the others have written.
 */
import { configurationError, TidemarkError } from '../errors.js'
import { type SchemaIds, sameSchema } from '../events/schema-ids.js'
import type { App } from '../features/app.js'
import { compileStored } from '../features/stored-app.js'
import type { SchemaSource } from '../schemas/schemas.js'
import type { DataOwner } from './data-directory.js'
import type { Generation } from './generation.js'

/**
 * Builds an app with the ids of all generations beside its own. Where it cannot read a schema of
 * another one, it keeps to its own: such records are rejects to it.
 *
 * @throws TidemarkError SCHEMA_IDS_CHANGED (78), and what `build` throws
 */
export function withListedIds(
  listed: readonly Pick<Generation, 'number' | 'app'>[],
  own: SchemaIds,
  build: (ids: SchemaIds) => App,
): App {
  const all = unionOf(listed, own)
  try {
    return build(all)
  } catch (error) {
    if (!(error instanceof TidemarkError) || error.code !== 'SCHEMA_INCOMPATIBLE') throw error
    return build(own)
  }
}

/**
 * The app of a generation as it was stored; `source` is asked for ids that no generation lists. Raises
 * what `compileStored` raises.
 */
export function compileListed(
  { generations = [] }: DataOwner,
  { app }: Generation,
  source?: SchemaSource,
): App {
  return withListedIds(generations, app.schemaIds, (schemaIds) =>
    compileStored({ ...app, schemaIds }, source),
  )
}

function unionOf(listed: readonly Pick<Generation, 'number' | 'app'>[], own: SchemaIds): SchemaIds {
  const all: Record<string, SchemaIds[string]> = { ...own }
  for (const { number, app } of listed) {
    for (const [id, entry] of Object.entries(app.schemaIds)) {
      const known = own[id]
      if (known === undefined) all[id] = entry
      else if (!sameSchema(known.schema, entry.schema)) throw changed(id, number, entry, known)
    }
  }
  return all
}

type Entry = SchemaIds[string]

function changed(id: string, number: number, before: Entry, now: Entry): Error {
  const means = `${before.subject} version ${before.version} in generation ${number}`
  const text = `schema id ${id} is ${means} and ${now.subject} version ${now.version} in this app`
  const advice = "begin with the other app's schemas/ids.json, and run npm run schemas"
  return configurationError('SCHEMA_IDS_CHANGED', `${text}: ${advice}`)
}

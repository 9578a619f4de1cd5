/**
 * Brings an app's `ids.json` and `schemas.gen.ts` up to date with its `*.avsc` and its features.
 *
 *   npm run schemas                              the built-in app
 *   npm run schemas -- examples/online-retail    an app folder
 *
 * With `--check` nothing is written, and a stale file is a failure.
 */
import { existsSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { outputSchemas } from '../src/events/output-schemas.js'
import {
  schemaFiles,
  staleFiles,
  writeSchemaFiles,
  type OutputSchemas,
  type SchemaFolder,
} from '../src/events/schema-gen.js'
import type { FeatureSetSpec } from '../src/features/spec.js'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')

interface AppFolder extends SchemaFolder {
  readonly features: string
}

function builtIn(): AppFolder {
  return {
    schemas: join(root, 'schemas'),
    generated: join(root, 'src/apps/churn/schemas.gen.ts'),
    importFrom: '../../index.js',
    features: join(root, 'src/apps/churn/features.ts'),
  }
}

function inFolder(folder: string): AppFolder {
  return {
    schemas: join(folder, 'schemas'),
    generated: join(folder, 'schemas.gen.ts'),
    importFrom: 'tidemark',
    features: join(folder, 'features.ts'),
  }
}

/** The features file imports the generated one, so that must be right before. */
async function outputsOf(app: AppFolder): Promise<OutputSchemas | null> {
  if (!existsSync(app.features)) return null
  const module = (await import(pathToFileURL(app.features).href)) as {
    readonly featureSet: { readonly spec: FeatureSetSpec }
  }
  const { name, features } = module.featureSet.spec
  return outputSchemas(name, features)
}

async function main(args: readonly string[]): Promise<number> {
  const check = args.includes('--check')
  const folder = args.find((arg) => !arg.startsWith('--'))
  const app = folder === undefined ? builtIn() : inFolder(resolve(folder))
  const events = schemaFiles(app, null)
  if (!check) writeSchemaFiles(events)
  const files = schemaFiles(app, await outputsOf(app))
  const stale = check ? staleFiles(files) : writeSchemaFiles(files)
  const verb = check ? 'stale' : 'written'
  for (const path of stale) console.log(`${verb}: ${relative(process.cwd(), path)}`)
  console.log(
    `${Object.keys(files.events).length} event types, ${Object.keys(files.ids).length} ids`,
  )
  return check && stale.length > 0 ? 1 : 0
}

process.exitCode = await main(process.argv.slice(2))

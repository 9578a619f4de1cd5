/**
 * Finds an app: the built-in one by name, any other by its folder. A folder's files are TypeScript
 * or JavaScript modules that export what they declare: `features`, `labels`, `rules` and the
 * generated schemas.
 */
import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { churnDeclaration } from '../apps/churn/app.js'
import { configurationError, TidemarkError } from '../errors.js'
import type { App } from '../features/app.js'
import { type AppDeclaration, buildApp, schemasOf } from '../features/build-app.js'
import { registeredIds } from '../schemas/registered-ids.js'
import type { SchemaRegistry } from '../schemas/schemas.js'
import { packageFolder } from './package-folder.js'

interface FoundApp {
  /** How to name it again: `churn`, or the absolute folder. */
  readonly reference: string
  /** Where its bundles lie, `champion` and `fallback`; they may be missing. */
  readonly bundles: string
}

export interface LoadedApp extends FoundApp {
  readonly app: App
}

export interface LoadedDeclaration extends FoundApp {
  readonly declaration: AppDeclaration
}

/**
 * With a registry the ids are those that it has, and not those of the app's `ids.json`.
 *
 * @throws with exit code 78: `APP_NOT_FOUND`, `APP_INVALID` where a file is missing, does not load
 *   or lacks an export, `SCHEMA_UNREGISTERED` where the registry lacks a schema, and whatever is wrong
 *   with the declaration
 * @example (await loadApp('examples/online-retail', process.cwd())).app.name
 */
export async function loadApp(
  name: string,
  cwd: string,
  registry: SchemaRegistry | null = null,
): Promise<LoadedApp> {
  const { declaration, ...found } = await loadDeclaration(name, cwd)
  const registered = registry === null ? declaration : await registeredIn(registry, declaration)
  return { app: buildApp(registered), ...found }
}

/** What an app declares, before it is compiled. Raises `APP_NOT_FOUND` and `APP_INVALID` (78). */
export async function loadDeclaration(name: string, cwd: string): Promise<LoadedDeclaration> {
  if (name === 'churn') {
    return { declaration: churnDeclaration, reference: name, bundles: bundlesOf(name) }
  }
  const folder = resolve(cwd, name)
  if (!existsSync(folder)) {
    const text = `there is no app ${JSON.stringify(name)}: neither built in (churn) nor a folder`
    throw configurationError('APP_NOT_FOUND', text)
  }
  const features = await load(folder, 'features', ['featureSet'])
  const schemas = await load(folder, 'schemas.gen', ['schemaIds'])
  const rules = await load(folder, 'rules', ['rules'])
  const labels = await load(folder, 'labels', ['labels', 'eligible'])
  const declaration = {
    featureSet: features['featureSet'],
    schemaIds: schemas['schemaIds'],
    rules: rules['rules'],
    labels: labels['labels'],
    eligible: labels['eligible'],
    synthetic: false,
  } as AppDeclaration
  return { declaration, reference: folder, bundles: bundlesOf(folder) }
}

/** Where the bundles of an app lie that is named by its reference; they may be missing. */
export function bundlesOf(reference: string): string {
  return reference === 'churn' ? join(packageFolder, 'bundles/churn') : join(reference, 'bundles')
}

async function registeredIn(
  registry: SchemaRegistry,
  declaration: AppDeclaration,
): Promise<AppDeclaration> {
  const { events, outputs } = schemasOf(declaration)
  const schemaIds = await registeredIds(registry, [...events, ...outputs])
  return { ...declaration, schemaIds, source: registry }
}

let unregister: (() => Promise<void>) | null = null

async function load(
  folder: string,
  name: string,
  names: readonly string[],
): Promise<Record<string, unknown>> {
  const path = ['.ts', '.js', '.mjs'].map((end) => join(folder, name + end)).find(existsSync)
  if (path === undefined) {
    throw configurationError('APP_INVALID', `app ${folder} has no ${name}.ts or ${name}.js`)
  }
  // Only an app in a folder of its own needs it.
  unregister ??= (await import('tsx/esm/api')).register({ tsconfig: false })
  let module: Record<string, unknown>
  try {
    module = (await import(pathToFileURL(path).href)) as Record<string, unknown>
  } catch (error) {
    if (isTidemarkError(error)) throw error
    const reason = error instanceof Error ? error.message : String(error)
    throw configurationError('APP_INVALID', `${path} does not load: ${reason}`, error)
  }
  for (const due of names) {
    if (!(due in module)) {
      throw configurationError('APP_INVALID', `${path} exports no ${due}`)
    }
  }
  return module
}

/** The app may have brought a second copy of this package, whose errors are ours all the same. */
function isTidemarkError(error: unknown): boolean {
  return error instanceof TidemarkError || (error as Error | null)?.name === 'TidemarkError'
}

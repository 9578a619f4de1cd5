/**
 * Finds an app: the built-in one by name, any other by its folder. A folder's files are TypeScript
 * or JavaScript modules that export what they declare: `features`, `labels`, `rules` and the
 * generated schemas.
 */
import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { register } from 'tsx/esm/api'
import { churn } from '../apps/churn/app.js'
import { configurationError, TidemarkError } from '../errors.js'
import type { App } from '../features/app.js'
import { type AppDeclaration, buildApp } from '../features/build-app.js'

export interface LoadedApp {
  readonly app: App
  /** How to name it again: `churn`, or the absolute folder. */
  readonly reference: string
  /** Where its bundles lie, `champion` and `fallback`; they may be missing. */
  readonly bundles: string
}

/** The package's own folder, whether this runs from `src/` or from `dist/src/`. */
export function packageFolder(): string {
  const here = new URL('.', import.meta.url).pathname
  const root = resolve(decodeURIComponent(here), '../..')
  return existsSync(join(root, 'package.json')) ? root : resolve(root, '..')
}

/**
 * @throws with exit code 78: `APP_NOT_FOUND`, `APP_INVALID` where a file is missing, does not load
 *   or lacks an export, and whatever is wrong with the declaration
 * @example (await loadApp('examples/online-retail', process.cwd())).app.name
 */
export async function loadApp(name: string, cwd: string): Promise<LoadedApp> {
  if (name === 'churn') {
    return { app: churn(), reference: name, bundles: join(packageFolder(), 'bundles/churn') }
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
  const app = buildApp({
    featureSet: features['featureSet'],
    schemaIds: schemas['schemaIds'],
    rules: rules['rules'],
    labels: labels['labels'],
    eligible: labels['eligible'],
    synthetic: false,
  } as AppDeclaration)
  return { app, reference: folder, bundles: join(folder, 'bundles') }
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
  unregister ??= register({ tsconfig: false })
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

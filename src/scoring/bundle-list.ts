/** The bundles that lie in some folders, each once, wherever copies of it are. */
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { TidemarkError } from '../errors.js'
import { loadBundle } from './bundle.js'
import type { Manifest } from './manifest.js'
import type { BundleInfo } from './scorer.js'

export interface ListedBundle {
  readonly info: BundleInfo
  /** All of `bundle.json`. */
  readonly manifest: Manifest
  /** Where it lies, in the order of looking. */
  readonly folders: readonly string[]
}

/** A folder that has a part of a bundle, and why it is none. */
export interface BrokenBundle {
  readonly folder: string
  readonly code: string
  readonly reason: string
}

export interface BundleList {
  /** By name, version and hash. */
  readonly bundles: readonly ListedBundle[]
  readonly broken: readonly BrokenBundle[]
}

/**
 * Reads and checks every bundle directly under `roots`; a root that is not there has none.
 *
 * @example (await listBundles(['bundles/churn', 'data/models'])).bundles[0].info.name
 */
export async function listBundles(roots: readonly string[]): Promise<BundleList> {
  const byHash = new Map<string, ListedBundle & { readonly folders: string[] }>()
  const broken: BrokenBundle[] = []
  for (const folder of (await Promise.all(roots.map(foldersOf))).flat()) {
    try {
      const { info, manifest } = await loadBundle(folder)
      const known = byHash.get(info.hash)
      if (known === undefined) byHash.set(info.hash, { info, manifest, folders: [folder] })
      else known.folders.push(folder)
    } catch (error) {
      if (!(error instanceof TidemarkError)) throw error
      broken.push({ folder, code: error.code, reason: error.message })
    }
  }
  const bundles = [...byHash.values()].sort((a, b) => (orderOf(a) < orderOf(b) ? -1 : 1))
  return { bundles, broken }
}

/** Folders whose name begins with a point are copies that were not finished. */
async function foldersOf(root: string): Promise<string[]> {
  try {
    const entries = await readdir(root, { withFileTypes: true })
    const folders = entries.filter((entry) => entry.isDirectory() && !entry.name.startsWith('.'))
    return folders.map(({ name }) => join(root, name)).sort()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}

function orderOf({ info }: ListedBundle): string {
  return `${info.name}/${info.version}/${info.hash}`
}

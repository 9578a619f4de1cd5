/**
 * Where bundles lie: the folders they come from, and the copies that a data directory keeps.
 *
 * A score names its bundle by hash for as long as the score is retained, and must be derivable
 * again: so a bundle is copied under `DATA/models/<hash>` before its first score is written.
 * K1 a folder named by a hash holds the bundle of that hash, whole and checked, or does not exist.
 * K2 a kept bundle is never deleted or written over; a damaged one is set aside under another name.
 */
import { randomUUID } from 'node:crypto'
import { copyFile, mkdir, open, readdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { configurationError, ioError, TidemarkError } from '../errors.js'
import { loadBundle, readHash, type Bundle } from './bundle.js'

/**
 * Finds the bundle of a hash: in the kept ones first, then in the folders directly under `roots`.
 *
 * Errors: `BUNDLE_MISSING` where no folder claims the hash; those of `loadBundle` where the one that
 * does is broken.
 *
 * @example await findBundle(hash, { kept: 'data/models', roots: ['bundles/churn'] })
 */
export async function findBundle(
  hash: string,
  places: { readonly kept: string; readonly roots: readonly string[] },
): Promise<Bundle> {
  let broken: Error | null = null
  for (const folder of [join(places.kept, hash), ...(await foldersUnder(places.roots))]) {
    if ((await claimed(folder)) !== hash) continue
    try {
      return await loadBundle(folder)
    } catch (error) {
      // Another copy may be whole.
      broken ??= error instanceof Error ? error : new Error(String(error))
    }
  }
  if (broken !== null) throw broken
  const looked = [places.kept, ...places.roots].join(', ')
  throw configurationError('BUNDLE_MISSING', `no bundle has the hash ${hash}; looked in ${looked}`)
}

/**
 * Copies a bundle to `<kept>/<hash>`, durably, unless it is there already; returns that folder.
 *
 * Errors: those of `loadBundle` where the bundle changed since it was loaded; `BUNDLE_NOT_KEPT`
 * and `DISK_FULL` (exit 74) where the copy cannot be written.
 */
export async function keepBundle(bundle: Bundle, kept: string): Promise<string> {
  const { hash } = bundle.info
  const folder = join(kept, hash)
  if (await isWhole(folder, hash)) return folder
  // Two may keep the same bundle at once: each writes a copy of its own, one rename wins.
  const unfinished = join(kept, `.${hash}.${randomUUID()}`)
  try {
    await mkdir(unfinished, { recursive: true })
    await copyFiles(bundle, unfinished)
    const copy = await loadBundle(unfinished)
    if (copy.info.hash !== hash) {
      const text = `bundle ${bundle.folder} had the hash ${hash} and now has ${copy.info.hash}`
      throw configurationError('MODEL_UNTRUSTED', text)
    }
    await install(unfinished, folder, hash)
    await sync(kept)
    return folder
  } catch (error) {
    // What went wrong first is what is told; an unfinished folder is in nobody's way.
    await rm(unfinished, { recursive: true, force: true }).catch(() => undefined)
    if (error instanceof TidemarkError) throw error
    const reason = (error as NodeJS.ErrnoException).code ?? String(error)
    const code = reason === 'ENOSPC' || reason === 'EDQUOT' ? 'DISK_FULL' : 'BUNDLE_NOT_KEPT'
    throw ioError(code, `cannot copy bundle ${bundle.folder} to ${folder}: ${reason}`)
  }
}

/** Files that a bundle may have beside the hashed ones. */
const UNLISTED = ['parity.json', 'MLmodel'] as const

async function copyFiles(bundle: Bundle, to: string): Promise<void> {
  const due = ['HASH', 'bundle.json', ...Object.keys(bundle.manifest.files)]
  const present = new Set(await readdir(bundle.folder))
  const names = [...due, ...UNLISTED.filter((name) => present.has(name) && !due.includes(name))]
  for (const name of names) {
    await copyFile(join(bundle.folder, name), join(to, name))
    await sync(join(to, name))
  }
  await sync(to)
}

async function isWhole(folder: string, hash: string): Promise<boolean> {
  try {
    return (await loadBundle(folder)).info.hash === hash
  } catch {
    // Whatever is wrong with it, a fresh copy mends it.
    return false
  }
}

/** Gives the finished copy its name, unless a whole one has it by now. */
async function install(unfinished: string, folder: string, hash: string): Promise<void> {
  try {
    await rename(unfinished, folder)
    return
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code !== 'ENOTEMPTY' && code !== 'EEXIST') throw error
  }
  if (await isWhole(folder, hash)) {
    await rm(unfinished, { recursive: true })
    return
  }
  // A damaged folder may be evidence, so it is moved and not deleted.
  await rename(folder, `${folder}.damaged-${randomUUID()}`)
  await rename(unfinished, folder)
}

async function foldersUnder(roots: readonly string[]): Promise<string[]> {
  const folders: string[] = []
  for (const root of roots) {
    for (const name of await entriesOf(root)) folders.push(join(root, name))
  }
  return folders
}

async function entriesOf(root: string): Promise<string[]> {
  try {
    return (await readdir(root)).sort()
  } catch {
    // A root that is not there holds no bundle; `BUNDLE_MISSING` names where was looked.
    return []
  }
}

async function claimed(folder: string): Promise<string | null> {
  try {
    return await readHash(folder)
  } catch {
    // Not a bundle: any other folder may lie beside bundles.
    return null
  }
}

async function sync(path: string): Promise<void> {
  const file = await open(path, 'r')
  try {
    await file.sync()
  } finally {
    await file.close()
  }
}

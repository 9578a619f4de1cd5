/**
 * Where the stores of a data directory live: `<directory>/<partition>`, a LevelDB each, and beside
 * it `<partition>.marker`, and `<partition>.view-<n>` while a view of it is read.
 *
 * LevelDB takes a directory without its `CURRENT` file for a new database. So each database holds a
 * birth row from its first moment on, and the marker says that there was one: a database without
 * its birth row is damage, not a new store. A damaged directory is renamed, never deleted.
 */
import { randomUUID } from 'node:crypto'
import { access, mkdir, open, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { TidemarkError } from '../errors.js'
import { failpoint } from '../failpoint.js'
import { levelFailure, openDb, storeDamaged, type Db } from './level-store-db.js'
import { copyPath } from './level-copy.js'
import { LevelStore, type StoreOwner } from './level-store.js'
import type { Store, StoreHome } from './store.js'

const BIRTH_KEY = Buffer.from('B')

/** What the stores hold: the state of partitions, or the snapshots (one store, number 0). */
export type StoreKind = 'state' | 'snapshots'

export class LevelStoreHome implements StoreHome {
  readonly #open = new Map<number, Store>()

  /** @example new LevelStoreHome('data/state', 'state') */
  constructor(
    readonly directory: string,
    readonly kind: StoreKind,
  ) {}

  /** @throws TidemarkError STORE_DAMAGED (74, 'now'), STORE_IO_FAILED (74), DIRECTORY_LOCKED (78) */
  async open(partition: number): Promise<Store> {
    await this.#open.get(partition)?.close()
    const owner = ownerOf(this.kind, partition)
    const path = join(this.directory, String(partition))
    const marker = await readIfThere(`${path}.marker`)
    if (marker !== null && !(await exists(path))) {
      throw storeDamaged(`${owner.name}: its directory ${path} is gone`)
    }
    await mkdir(path, { recursive: true })
    const db = await openDb(path, owner)
    try {
      await removeCopies(path)
      await confirmBirth(db, owner.name, `${path}.marker`, marker)
      const store = await LevelStore.open(db, owner)
      this.#open.set(partition, store)
      return store
    } catch (error) {
      await db.close()
      throw error instanceof TidemarkError ? error : levelFailure(owner, error)
    }
  }

  /** Renames the directory to the first free `<partition>.damaged-<n>` and notes the reason in it. */
  async setAside(partition: number, reason: string): Promise<string> {
    await this.#open.get(partition)?.close()
    this.#open.delete(partition)
    const path = join(this.directory, String(partition))
    const aside = await firstFree(`${path}.damaged-`)
    failpoint(`${this.kind}.set-aside`)
    if (await exists(path)) {
      await writeFile(join(path, 'REASON'), `${reason}\n`)
      await rename(path, aside)
    }
    failpoint(`${this.kind}.set-aside`)
    // The marker goes last: until then the missing directory is damage that is set aside again.
    await rm(`${path}.marker`, { force: true })
    failpoint(`${this.kind}.set-aside`)
    return aside
  }
}

/** Those of a process that was killed: whoever has the database open owns its copies too. */
async function removeCopies(path: string): Promise<void> {
  const prefix = basename(copyPath(path, ''))
  for (const name of await readdir(dirname(path))) {
    if (name.startsWith(prefix)) await rm(join(dirname(path), name), { recursive: true })
  }
}

function ownerOf(kind: StoreKind, partition: number): StoreOwner {
  const failures = { damaged: storeDamaged, failedCode: 'STORE_IO_FAILED' }
  const options = { compression: kind === 'snapshots', checksTables: true }
  if (kind === 'state') {
    const points = {
      before: 'state.before-flush',
      inside: 'state.in-flush',
      closing: 'state.in-close',
    }
    return { name: `store of partition ${partition}`, ...failures, ...options, points }
  }
  const points = {
    before: 'snapshots.before-write',
    inside: 'snapshots.in-write',
    closing: 'snapshots.in-close',
  }
  return { name: 'snapshot store', ...failures, ...options, points }
}

/** That this is the database that was born here, or a new one that is born now. */
async function confirmBirth(
  db: Db,
  name: string,
  markerPath: string,
  marker: string | null,
): Promise<void> {
  const birth = await db.get(BIRTH_KEY)
  if (marker !== null && birth === undefined) throw storeDamaged(`${name} was there and is empty`)
  const id = birth?.toString('utf8') ?? randomUUID()
  if (marker !== null && marker !== id) throw storeDamaged(`${name} is not the one that was here`)
  if (birth === undefined) await db.put(BIRTH_KEY, Buffer.from(id), { sync: true })
  if (marker === null) await writeDurably(markerPath, id)
}

async function writeDurably(path: string, text: string): Promise<void> {
  const file = await open(`${path}.new`, 'w')
  try {
    await file.writeFile(text)
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(`${path}.new`, path)
}

async function readIfThere(path: string): Promise<string | null> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw error
  }
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}

async function firstFree(prefix: string): Promise<string> {
  let number = 1
  while (await exists(`${prefix}${number}`)) number += 1
  return `${prefix}${number}`
}

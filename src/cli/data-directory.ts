/**
 * The data directory of the embedded adapters: whose it is, and that nobody else has it open.
 *
 *   DATA/app.json     app, hash, declaration: what the data is made by, and the generations
 *   DATA/lock         the process that has it open
 *   DATA/owner.sock   where it serves reading commands, or a link to there
 *   DATA/log          the event log (beside it log.id, and log.open while it is open)
 *   DATA/state/<p>    a store for each partition
 *   DATA/snapshots    the snapshot store
 *   DATA/models       bundles that scores name
 *   DATA/generations/<n>/state, snapshots   the same of a generation behind the first
 *   DATA/rebuild      what `tidemark rebuild --config` needs beside a worker
 */
import { mkdir, open, readFile, readdir, rename, rm, rmdir, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { TidemarkError, configurationError, ioError } from '../errors.js'
import type { App } from '../features/app.js'
import { diffDeclarations } from '../features/app-hash.js'
import { takeLock } from './directory-lock.js'
import { checkFileSystem, fileSystemType } from './file-system.js'
import type { Generation } from './generation.js'

/** Content of `app.json`. */
export interface DataOwner {
  readonly app: string
  /** How to name the app again: `churn`, or an absolute folder. */
  readonly reference: string
  readonly appHash: string
  /** The canonical declaration behind the hash, for a diff when another one is met. */
  readonly declaration: unknown
  /** The generation that this is; absent: the first, and the only one. */
  readonly generation?: number
  /** The generation asked for before: where `rebuild --back` returns to. */
  readonly before?: number
  readonly generations?: readonly Generation[]
}

export interface LockOptions {
  /** Told of a file system that may not keep its promises. */
  readonly warn?: (text: string) => void
  readonly fileSystemType?: (path: string) => Promise<number>
}

/**
 * Makes the directory where there is none, and locks it. Returns how to give the lock back.
 *
 * @throws TidemarkError DATA_NOT_WRITABLE, DISK_FULL (74), DATA_FOREIGN, NETWORK_FILESYSTEM,
 *   DIRECTORY_LOCKED (78)
 * @example const unlock = await lockDirectory('data')
 */
export async function lockDirectory(
  directory: string,
  options: LockOptions = {},
): Promise<() => Promise<void>> {
  await assertOurs(directory)
  return using(directory, async () => {
    await makeFolders(directory)
    const { warn = () => {}, fileSystemType: typeOf = fileSystemType } = options
    await checkFileSystem(directory, warn, typeOf)
    return takeLock(directory)
  })
}

/**
 * Makes a folder and those above it. Node's own `recursive` tries for ever where a folder is there
 * and says of every name in it that it is not, as `/proc` does.
 */
async function makeFolders(path: string): Promise<void> {
  if (await isFolder(path)) return
  const above = dirname(path)
  if (above !== path) await makeFolders(above)
  try {
    await mkdir(path)
  } catch (error) {
    // Somebody else may have made it meanwhile.
    if (!(await isFolder(path))) throw error
  }
}

async function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  )
}

/**
 * Whose data the directory holds; null where it holds none. Needs no lock.
 *
 * @throws TidemarkError DATA_DAMAGED, DATA_NOT_WRITABLE (74)
 */
export async function dataOwner(directory: string): Promise<DataOwner | null> {
  const path = join(directory, 'app.json')
  const text = await using(directory, () => readFile(path, 'utf8').catch(nullWhereMissing))
  if (text === null) return null
  const owner = parsed(text)
  const { app, reference, appHash } = owner ?? {}
  if (typeof app !== 'string' || typeof reference !== 'string' || typeof appHash !== 'string') {
    throw ioError('DATA_DAMAGED', `${path} does not say app, reference and appHash`)
  }
  return owner as DataOwner
}

/**
 * Confirms that the data is this app's, or makes it so where there is none yet. To be called with
 * the lock held.
 *
 * @throws TidemarkError APP_MISMATCH, APP_HASH_MISMATCH (78, with what differs)
 */
export async function ownDirectory(
  directory: string,
  app: Pick<App, 'name' | 'declaration'> & { readonly engine: { readonly appHash: string } },
  reference: string,
): Promise<void> {
  const { appHash } = app.engine
  const owner = await dataOwner(directory)
  if (owner === null) {
    const { name, declaration } = app
    const made: DataOwner = { app: name, reference, appHash, declaration }
    await writeOwner(directory, made)
    return
  }
  assertApp(directory, owner, app.name)
  if (owner.appHash !== appHash) throw anotherDeclaration(directory, owner, app)
}

/** Raises `APP_MISMATCH` (78). */
export function assertApp(directory: string, owner: DataOwner, name: string): void {
  if (owner.app === name) return
  throw configurationError(
    'APP_MISMATCH',
    `data directory ${directory} is of app ${owner.app}, not of ${name}; use another --data`,
  )
}

/** To be called by whoever makes the directory, or holds the lock of its generations. */
export async function writeOwner(directory: string, owner: DataOwner): Promise<void> {
  await using(directory, () => writeDurably(join(directory, 'app.json'), owner))
}

function anotherDeclaration(
  directory: string,
  owner: DataOwner,
  { declaration, engine: { appHash } }: Parameters<typeof ownDirectory>[1],
): TidemarkError {
  const hashes = `hash ${owner.appHash.slice(0, 12)}, now ${appHash.slice(0, 12)}`
  const { generations = [], generation = 1, before } = owner
  const known = generations.find((one) => one.isBuilt && one.app.appHash === appHash)
  const made = `the state in ${directory} was made by another declaration of ${owner.app}`
  const inForce = `generation ${generation} of ${owner.reference} is in force`
  const back = known?.number === before ? 'tidemark rebuild --back' : 'tidemark rebuild'
  const text =
    known === undefined
      ? `${made} (${hashes}); tidemark rebuild makes the state anew by this one, or ` +
        'go back to that one, or load the events into another --data'
      : `${made} (${hashes}): ${inForce}, and this is generation ${known.number}; ` +
        `${back} returns to it`
  const lines = diffDeclarations(owner.declaration, declaration)
  const differences = lines.map((line) => `\n  ${line}`).join('')
  return configurationError('APP_HASH_MISMATCH', `${text}. What differs:${differences}`)
}

/**
 * Takes back a directory in which nothing was kept: what lies in it of ours, and itself where
 * nothing else does. To be called when its log is closed and its lock given back.
 */
export async function removeNew(directory: string): Promise<void> {
  for (const name of ['app.json', 'log', 'log.id']) {
    await rm(join(directory, name), { recursive: true, force: true })
  }
  // Somebody else may have put something there, or be in it.
  await rmdir(directory).catch(() => undefined)
}

/** Names that may lie in a directory without an app.json: ours, or a fresh volume's. */
const HARMLESS = /^(\..*|lost\+found|lock(\..*)?|rebuild|app\.json\.new)$/

/** `--data ~` by mistake must not strew a log over somebody's home. */
async function assertOurs(directory: string): Promise<void> {
  const names = await using(directory, () => readdir(directory).catch(nullWhereMissing))
  if (names === null || names.includes('app.json')) return
  const foreign = names.find((name) => !HARMLESS.test(name))
  if (foreign === undefined) return
  throw configurationError(
    'DATA_FOREIGN',
    `${directory} is no data directory: it has no app.json, and other files (${foreign})`,
  )
}

async function writeDurably(path: string, owner: DataOwner): Promise<void> {
  const draft = await open(`${path}.new`, 'w')
  try {
    await draft.writeFile(`${JSON.stringify(owner, null, 2)}\n`)
    await draft.sync()
  } finally {
    await draft.close()
  }
  await rename(`${path}.new`, path)
}

function parsed(text: string): Partial<DataOwner> | null {
  try {
    return JSON.parse(text) as Partial<DataOwner> | null
  } catch {
    // Said by the caller, who names the file and what it should hold.
    return null
  }
}

async function using<T>(directory: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof TidemarkError) throw error
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOSPC' || code === 'EDQUOT') {
      throw ioError('DISK_FULL', `data directory ${directory}: the disk is full`, error)
    }
    const reason = error instanceof Error ? error.message : String(error)
    const text = `data directory ${directory} cannot be used: ${reason}`
    throw ioError('DATA_NOT_WRITABLE', text, error)
  }
}

function nullWhereMissing(error: unknown): null {
  if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
  throw error
}

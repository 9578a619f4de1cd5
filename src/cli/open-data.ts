import { EmbeddedLog } from '../log/embedded-log.js'
import { buildApp } from '../features/build-app.js'
import type { TimeBase } from '../log/log.js'
import type { LogServerOptions } from '../log/shared-server.js'
import { openLevelSnapshots } from '../snapshots/level-snapshots.js'
import type { SnapshotStore } from '../snapshots/snapshots.js'
import type { StoredSnapshotsOptions } from '../snapshots/stored-snapshots.js'
import { LevelStoreHome } from '../state/level-store-home.js'
import type { StoreHome } from '../state/store.js'
import {
  assertApp,
  type DataOwner,
  dataOwner,
  lockDirectory,
  ownDirectory,
} from './data-directory.js'
import { askedNumber, folderOf, generationsIn } from './generations.js'
import { compileListed, withListedIds } from './listed-ids.js'
import { bundlesOf, type LoadedApp, loadDeclaration } from './load-app.js'
import { shareLog } from './owner-socket.js'
import { closeAll } from './with-end.js'
import { join } from 'node:path'
import { configurationError, exitCode, TidemarkError } from '../errors.js'

/** Where a data directory keeps bundles. */
export function modelsIn(directory: string): string {
  return join(directory, 'models')
}

/** A data directory that this process holds: the log is open, the rest is opened when asked. */
export interface OpenData {
  readonly loaded: LoadedApp
  /** What `app.json` says, as it was when the directory was opened. */
  readonly owner: DataOwner
  readonly log: EmbeddedLog
  /** The state of the generation asked for. */
  readonly home: StoreHome
  /** Where bundles are kept that scores name. */
  readonly models: string
  close(): Promise<void>
}

/** What a declaration must be, to be let at the data. */
export type Declared =
  /** That of the generation asked for. */
  | 'asked'
  /** Any of the same app: for who only reads the events. */
  | 'any'

export interface OpenDataOptions {
  /** null: the app that owns the directory, else `churn`. One that is loaded is taken as it is. */
  readonly app: string | LoadedApp | null
  /** @default asked */
  readonly declared?: Declared
  readonly cwd: string
  /** The base of a log that has to be created; null: there must be one. */
  readonly timeBase: (() => Promise<TimeBase>) | null
  readonly partitions?: number
  /**
   * Serves the log to reading commands while it is open here; told why where that is impossible.
   * @default they find the directory locked
   */
  readonly share?: (warning: string) => void
  /** What other commands may ask beside the log; without it nothing. */
  readonly answers?: Pick<LogServerOptions, 'history' | 'takeOver'>
}

/**
 * Locks the directory, confirms whose it is and opens its log.
 *
 * @throws what `loadApp`, `openDataDirectory` and `EmbeddedLog.open` throw
 */
export async function openData(directory: string, options: OpenDataOptions): Promise<OpenData> {
  const owner = await dataOwner(directory)
  if (owner === null && options.timeBase === null) {
    const text = `there is no data in ${directory}; tidemark start or tidemark ingest makes it`
    throw configurationError('DATA_MISSING', text)
  }
  const loaded = await loadedOf(options.app, owner, options.cwd, options.declared)
  const timeBase = owner === null ? await options.timeBase!() : null
  const unlock = await lockDirectory(directory)
  const { partitions } = options
  try {
    // Of a directory that has an owner the log must be there: an empty one in its place would
    // silently begin anew beside the state and the snapshots of the lost one.
    if (owner !== null) await assertDeclared(directory, owner, loaded, options.declared)
    const log = await EmbeddedLog.open(join(directory, 'log'), {
      mustExist: owner !== null,
      ...(timeBase === null ? {} : { timeBase }),
      ...(partitions === undefined ? {} : { partitions }),
    })
    if (owner === null) await ownNew(directory, loaded, log)
    const { share, answers } = options
    const answering = { history: async () => Promise.reject(ownerNotReady()), ...answers }
    const unshare = share === undefined ? null : await shareLog(directory, log, share, answering)
    const own = (await dataOwner(directory))!
    return opened(directory, loaded, own, log, [unlock, () => log.close(), unshare])
  } catch (error) {
    await unlock()
    throw error
  }
}

/**
 * The app that is named; where none is, the one of the generation asked for, as it was stored if its
 * folder says something else by now. Raises what `loadApp` raises, and `SCHEMA_IDS_CHANGED` (78).
 */
export async function loadedOf(
  app: OpenDataOptions['app'],
  owner: DataOwner | null,
  cwd: string,
  declared: Declared = 'asked',
): Promise<LoadedApp> {
  if (typeof app !== 'string' && app !== null) return app
  const asked = generationsIn(owner).find(({ number }) => number === askedNumber(owner))
  if (app !== null || declared === 'any' || asked === undefined) return named(app, owner, cwd)
  // A folder that does not load is one that says something else.
  const found = await named(app, owner, cwd).catch(() => null)
  if (found?.app.engine.appHash === asked.app.appHash) return found
  const { reference } = asked
  return { app: compileListed(owner!, asked), reference, bundles: bundlesOf(reference) }
}

async function named(app: string | null, owner: DataOwner | null, cwd: string): Promise<LoadedApp> {
  const name = app ?? owner?.reference ?? 'churn'
  const { declaration, ...found } = await loadDeclaration(name, cwd)
  const listed = generationsIn(owner)
  const loaded = withListedIds(listed, declaration.schemaIds, (schemaIds) =>
    buildApp({ ...declaration, schemaIds }),
  )
  return { app: loaded, ...found }
}

/** Raises `APP_MISMATCH` and `APP_HASH_MISMATCH` (78). */
export async function assertDeclared(
  directory: string,
  owner: DataOwner,
  { app, reference }: LoadedApp,
  declared: Declared = 'asked',
): Promise<void> {
  if (declared === 'any') assertApp(directory, owner, app.name)
  else await ownDirectory(directory, app, reference)
}

/** Where a generation's stores lie. */
export function stateOf(directory: string, generation: number): StoreHome {
  return new LevelStoreHome(join(folderOf(directory, generation), 'state'), 'state')
}

/** Opens the snapshots of a generation. */
export function snapshotsOf(
  directory: string,
  generation: number,
  options: Pick<StoredSnapshotsOptions, 'onDamage' | 'committed' | 'history'>,
): Promise<SnapshotStore> {
  return openLevelSnapshots(join(folderOf(directory, generation), 'snapshots'), options)
}

async function ownNew(directory: string, loaded: LoadedApp, log: EmbeddedLog): Promise<void> {
  try {
    await ownDirectory(directory, loaded.app, loaded.reference)
  } catch (error) {
    await log.close()
    throw error
  }
}

function opened(
  directory: string,
  loaded: LoadedApp,
  owner: DataOwner,
  log: EmbeddedLog,
  ends: readonly ((() => Promise<void>) | null)[],
): OpenData {
  const closing = ends.filter((end) => end !== null)
  return {
    loaded,
    owner,
    log,
    home: stateOf(directory, askedNumber(owner)),
    models: modelsIn(directory),
    close: () => closeAll(closing),
  }
}

export function ownerNotReady(): TidemarkError {
  const text = 'the process that has the data directory open has no snapshots open'
  const why = 'it begins or ends, or it only loads; run this again later'
  const retry = { exit: exitCode.tryAgain, retry: 'later' } as const
  return new TidemarkError('OWNER_NOT_READY', `${text}: ${why}`, retry)
}

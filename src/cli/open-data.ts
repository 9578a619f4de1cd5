import { EmbeddedLog } from '../log/embedded-log.js'
import type { TimeBase } from '../log/log.js'
import { openLevelSnapshots } from '../snapshots/level-snapshots.js'
import type { SnapshotStore } from '../snapshots/snapshots.js'
import type { StoredSnapshotsOptions } from '../snapshots/stored-snapshots.js'
import { LevelStoreHome } from '../state/level-store-home.js'
import type { StoreHome } from '../state/store.js'
import { dataOwner, lockDirectory, ownDirectory } from './data-directory.js'
import { type LoadedApp, loadApp } from './load-app.js'
import { shareLog } from './owner-socket.js'
import { storedHistory } from './stored-history.js'
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
  readonly log: EmbeddedLog
  readonly home: StoreHome
  /** Where bundles are kept that scores name. */
  readonly models: string
  snapshots(
    options: Pick<StoredSnapshotsOptions, 'onDamage' | 'committed' | 'changes'>,
  ): Promise<SnapshotStore>
  close(): Promise<void>
}

export interface OpenDataOptions {
  /** null: the app that owns the directory, else `churn`. */
  readonly app: string | null
  readonly cwd: string
  /** The base of a log that has to be created; null: there must be one. */
  readonly timeBase: (() => Promise<TimeBase>) | null
  readonly partitions?: number
  /**
   * Serves the log to reading commands while it is open here; told why where that is impossible.
   * @default they find the directory locked
   */
  readonly share?: (warning: string) => void
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
  const loaded = await loadApp(options.app ?? owner?.reference ?? 'churn', options.cwd)
  const timeBase = owner === null ? await options.timeBase!() : null
  const unlock = await lockDirectory(directory)
  const { partitions } = options
  try {
    // Of a directory that has an owner the log must be there: an empty one in its place would
    // silently begin anew beside the state and the snapshots of the lost one.
    if (owner !== null) await ownDirectory(directory, loaded.app, loaded.reference)
    const log = await EmbeddedLog.open(join(directory, 'log'), {
      mustExist: owner !== null,
      ...(timeBase === null ? {} : { timeBase }),
      ...(partitions === undefined ? {} : { partitions }),
    })
    if (owner === null) await ownNew(directory, loaded, log)
    const { share } = options
    const held: HeldSnapshots = { open: null }
    const history = async (customer: string) => {
      if (held.open === null) throw ownerNotReady()
      return storedHistory(held.open, customer)
    }
    const unshare = share === undefined ? null : await shareLog(directory, log, share, history)
    return opened(directory, loaded, log, held, [unlock, () => log.close(), unshare])
  } catch (error) {
    await unlock()
    throw error
  }
}

async function ownNew(directory: string, loaded: LoadedApp, log: EmbeddedLog): Promise<void> {
  try {
    await ownDirectory(directory, loaded.app, loaded.reference)
  } catch (error) {
    await log.close()
    throw error
  }
}

/** The snapshots while they are open here. */
interface HeldSnapshots {
  open: SnapshotStore | null
}

function opened(
  directory: string,
  loaded: LoadedApp,
  log: EmbeddedLog,
  held: HeldSnapshots,
  ends: readonly ((() => Promise<void>) | null)[],
): OpenData {
  const closing = ends.filter((end) => end !== null)
  return {
    loaded,
    log,
    home: new LevelStoreHome(join(directory, 'state'), 'state'),
    models: modelsIn(directory),
    snapshots: async (options) => {
      const snapshots = await openLevelSnapshots(join(directory, 'snapshots'), options)
      held.open = snapshots
      closing.push(() => {
        held.open = null
        return snapshots.close()
      })
      return snapshots
    },
    close: () => closeAll(closing),
  }
}

function ownerNotReady(): TidemarkError {
  const text = 'the process that has the data directory open has no snapshots open'
  const why = 'it begins or ends, or it only loads; run this again later'
  const retry = { exit: exitCode.tryAgain, retry: 'later' } as const
  return new TidemarkError('OWNER_NOT_READY', `${text}: ${why}`, retry)
}

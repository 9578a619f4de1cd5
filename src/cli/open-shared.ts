import type { EventLog } from '../log/log.js'
import { SharedLog } from '../log/shared-log.js'
import type { StoredHistory } from '../log/shared-wire.js'
import { type DataOwner, dataOwner } from './data-directory.js'
import type { LoadedApp } from './load-app.js'
import {
  assertDeclared,
  type Declared,
  loadedOf,
  modelsIn,
  type OpenDataOptions,
} from './open-data.js'
import { findSocket } from './owner-socket.js'

/** What a command that only reads needs of a data directory. */
export interface SharedData {
  readonly loaded: LoadedApp
  readonly owner: DataOwner
  readonly log: EventLog
  readonly models: string
  /** What the snapshots have of a customer; null: they know none. */
  history(customer: string): Promise<StoredHistory | null>
  close(): Promise<void>
}

/**
 * A data directory that another process has open: the log is read through its socket, everything
 * else is computed here. Null where nobody listens.
 *
 * @throws what `SharedLog.open`, `findSocket`, `loadApp` and `assertDeclared` throw
 */
export async function openShared(
  directory: string,
  app: OpenDataOptions['app'],
  cwd: string,
  declared?: Declared,
): Promise<SharedData | null> {
  const owner = await dataOwner(directory)
  const path = owner === null ? null : await findSocket(directory)
  const log = path === null ? null : await SharedLog.open(path)
  if (log === null) return null
  try {
    const loaded = await loadedOf(app, owner, cwd, declared)
    await assertDeclared(directory, owner!, loaded, declared)
    return {
      loaded,
      owner: owner!,
      log,
      models: modelsIn(directory),
      history: (customer) => log.history(customer),
      close: () => log.close(),
    }
  } catch (error) {
    await log.close()
    throw error
  }
}

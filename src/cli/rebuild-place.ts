/** Where a rebuild takes place: in a data directory, or on brokers (`rebuild-brokers.ts`). */
import { resolve } from 'node:path'
import { configurationError, exitCode, TidemarkError } from '../errors.js'
import type { EventLog } from '../log/log.js'
import { SharedLog } from '../log/shared-log.js'
import type { StoreHome } from '../state/store.js'
import type { EngineSettings } from '../topology/settings.js'
import { assertApp, type DataOwner, dataOwner } from './data-directory.js'
import {
  askedNumber,
  askFor,
  type GenerationList,
  generationsOf,
  lockGenerations,
} from './generations.js'
import { giveWay } from './give-way.js'
import type { CliIo } from './io.js'
import type { LoadedApp } from './load-app.js'
import { modelsIn, stateOf } from './open-data.js'
import { openOrShare } from './open-source.js'
import { awaitGeneration } from './positions.js'
import { targetOf } from './rebuild-target.js'
import { closeAll } from './with-end.js'

export interface RebuildPlace {
  /** How to name it to a person. */
  readonly title: string
  /** What the topics are named after. */
  readonly name: string
  /** As the list was when the place was opened. */
  readonly owner: DataOwner
  /** What the rebuild is to. */
  readonly loaded: LoadedApp
  readonly log: EventLog
  readonly list: GenerationList
  /** Where bundles are kept that generations name. */
  readonly models: string
  /** Whether the log keeps the state too. */
  readonly logsState?: boolean
  /** Bounds of the build that are not the usual ones. */
  readonly settings?: Partial<EngineSettings>
  /** Whether somebody runs beside the rebuild, to whom the machine belongs first. */
  readonly isShared: boolean
  home(generation: number): StoreHome
  /** Sees to it that a bundle lies in `models`; without it all do. */
  haveBundle?(hash: string): Promise<void>
  /** Makes what the state of a generation is written to. */
  prepare?(generation: number): Promise<void>
  /** Takes away what was only needed to build it. */
  built?(generation: number): Promise<void>
  /** Lets a generation that is asked for take over. Answers whether it is in force by now. */
  takeOver(generation: number, stop: AbortSignal): Promise<boolean>
  close(): Promise<void>
}

export interface TargetFlags {
  readonly app?: string
  readonly data: string
  readonly config?: string
  readonly back?: boolean
}

/** Raises `DATA_MISSING`, `APP_MISMATCH` (78), and what `targetOf` and `openOrShare` raise. */
export async function openDirectoryPlace(flags: TargetFlags, io: CliIo): Promise<RebuildPlace> {
  const directory = resolve(io.cwd, flags.data)
  const owner = await dataOwner(directory)
  if (owner === null) {
    const text = `there is no data in ${directory}; tidemark start or tidemark ingest makes it`
    throw configurationError('DATA_MISSING', text)
  }
  const closing = [await lockGenerations(directory)]
  try {
    const loaded = await targetOf(owner, flags, io.cwd)
    assertApp(directory, owner, loaded.app.name)
    const data = await openOrShare(directory, loaded, io, 'any')
    closing.push(() => data.close())
    const { log } = data
    const isShared = log instanceof SharedLog
    // Beside an owner under load, whatever this takes is what he can spare.
    if (isShared) giveWay()
    const list = generationsOf(directory)
    return {
      title: directory,
      name: loaded.app.name,
      owner,
      loaded,
      log,
      list,
      models: modelsIn(directory),
      isShared,
      home: (generation) => stateOf(directory, generation),
      takeOver: async (generation, stop) => {
        if (!(log instanceof SharedLog)) return false
        await log.takeOver(generation).catch(async (error: unknown) => {
          // The owner goes on with the one before, and so must whoever opens the directory next.
          if (isRefusal(error) && askedNumber(owner) !== generation)
            await askFor(list, askedNumber(owner))
          throw error
        })
        await awaitGeneration(log, loaded.app.name, generation, stop)
        return true
      },
      close: () => closeAll(closing),
    }
  } catch (error) {
    await closeAll(closing).catch(() => undefined)
    throw error
  }
}

/** Whether the owner has said no, and is not just out of reach. */
function isRefusal(error: unknown): boolean {
  return (
    error instanceof TidemarkError &&
    !error.code.startsWith('OWNER_') &&
    error.exit !== exitCode.tryAgain
  )
}

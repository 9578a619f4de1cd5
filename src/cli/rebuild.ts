/**
 * `tidemark rebuild`: makes the state of another declaration beside the one in force, then lets it
 * take over. The events stay where they are, and so do the outputs of before.
 */
import { setPriority, constants } from 'node:os'
import { resolve } from 'node:path'
import { type Command, Option } from 'commander'
import { configurationError, exitCode, TidemarkError } from '../errors.js'
import { failpoint } from '../failpoint.js'
import type { EventLog } from '../log/log.js'
import { SharedLog } from '../log/shared-log.js'
import { assertApp, type DataOwner, dataOwner } from './data-directory.js'
import { nonEmpty, positiveNumber } from './flags.js'
import { askedNumber, askFor, lockGenerations } from './generations.js'
import type { CliIo } from './io.js'
import { openOrShare } from './open-source.js'
import { awaitGeneration, lastPositions } from './positions.js'
import { buildGeneration, nextGeneration } from './rebuild-generation.js'
import { isTaken, targetOf } from './rebuild-target.js'
import { DEFAULT_DATA_DIRECTORY } from './start-options.js'
import { stoppable } from './stop.js'
import { withEnd } from './with-end.js'

export interface RebuildFlags {
  readonly app?: string
  readonly data: string
  readonly back?: boolean
  readonly model?: string
  readonly fallback?: string
  readonly rate?: number
  readonly json?: boolean
}

/** What a rebuild tells in the end. */
interface RebuildReport {
  readonly generation: number
  readonly featureSet: string
  readonly appHash: string
  /** Input that the state was made of, in records; 0 where it was there. */
  readonly records: number
  readonly seconds: number
  /** false: the next `start` lets it take over. */
  readonly inForce: boolean
}

export function rebuildCommand(program: Command, io: CliIo): void {
  program
    .command('rebuild')
    .description('make the state of a changed declaration beside the old one, then switch to it')
    .addOption(
      new Option('--app <app>', 'churn, or the folder of an app (default: that of the data)')
        .argParser(nonEmpty('an app'))
        .conflicts('back'),
    )
    .option('--data <dir>', 'data directory', nonEmpty('a directory'), DEFAULT_DATA_DIRECTORY)
    .option('--back', 'return to the generation before')
    .option('--model <dir>', 'bundle of its model in force', nonEmpty('a directory'))
    .option(
      '--fallback <dir>',
      'bundle that answers where the model fails',
      nonEmpty('a directory'),
    )
    .option(
      '--rate <records>',
      'read at most so many records a second',
      positiveNumber('a rate in records per second', 100_000_000),
    )
    .option('--json', 'the report as JSON on stdout')
    .action((flags: RebuildFlags) => stoppable(io, (stop) => runRebuild(flags, io, stop)))
}

/**
 * Rebuilds. Raises `DATA_MISSING`, `APP_MISMATCH`, `GENERATION_IN_FORCE`, `GENERATION_NONE`,
 * `SCHEMA_IDS_CHANGED`, `MODEL_MISMATCH`, `BUNDLE_APP_MISMATCH` (78) before anything is made;
 * `STOPPED` (75), and what the log, the stores and the owner's process raise.
 */
export async function runRebuild(flags: RebuildFlags, io: CliIo, stop: AbortSignal): Promise<void> {
  const directory = resolve(io.cwd, flags.data)
  const owner = await dataOwner(directory)
  if (owner === null) {
    const text = `there is no data in ${directory}; tidemark start or tidemark ingest makes it`
    throw configurationError('DATA_MISSING', text)
  }
  const unlock = await lockGenerations(directory)
  const report = await withEnd(
    () => rebuild(directory, owner, flags, io, stop),
    () => unlock(),
  )
  io.out(flags.json ? `${JSON.stringify(report)}\n` : rebuildText(report))
}

async function rebuild(
  directory: string,
  owner: DataOwner,
  flags: RebuildFlags,
  io: CliIo,
  stop: AbortSignal,
): Promise<RebuildReport> {
  const loaded = await targetOf(owner, flags, io.cwd)
  assertApp(directory, owner, loaded.app.name)
  const data = await openOrShare(directory, loaded, io, 'any')
  const { log } = data
  return withEnd(
    async () => {
      const startedMs = io.now()
      const positions = await lastPositions(log, loaded.app.name)
      const { appHash } = loaded.app.engine
      const isAsked = owner.appHash === appHash
      if (isAsked && (!(log instanceof SharedLog) || isTaken(owner, positions))) {
        const text = `${directory} is of this declaration already, hash ${appHash.slice(0, 12)}`
        throw configurationError('GENERATION_IN_FORCE', text)
      }
      const next = await nextGeneration({ directory, owner, loaded, positions, flags, io })
      let records = 0
      if (!isAsked) {
        // Beside an owner under load, whatever this takes is what he can spare.
        if (log instanceof SharedLog) setPriority(constants.priority.PRIORITY_LOW)
        records = await buildGeneration({ directory, log, loaded, next, flags, io, stop })
        await askFor(directory, next.number)
      }
      failpoint('rebuild.asked')
      const inForce = await takeOver(log, loaded.app.name, next.number, stop).catch(
        async (error: unknown) => {
          // The owner goes on with the one before, and so must whoever opens the directory next.
          if (!isAsked && isRefusal(error)) await askFor(directory, askedNumber(owner))
          throw error
        },
      )
      const seconds = (io.now() - startedMs) / 1000
      const { number: generation } = next
      const { featureSet } = loaded.app
      return { generation, featureSet, appHash, records, seconds, inForce }
    },
    () => data.close(),
  )
}

/** Asks the process that has the directory open; where nobody has, the next one takes it over. */
async function takeOver(
  log: EventLog,
  app: string,
  number: number,
  stop: AbortSignal,
): Promise<boolean> {
  if (!(log instanceof SharedLog)) return false
  await log.takeOver(number)
  await awaitGeneration(log, app, number, stop)
  return true
}

/** Whether the owner has said no, and is not just out of reach. */
function isRefusal(error: unknown): boolean {
  return (
    error instanceof TidemarkError &&
    !error.code.startsWith('OWNER_') &&
    error.exit !== exitCode.tryAgain
  )
}

function rebuildText(report: RebuildReport): string {
  const { generation, featureSet, appHash, records, seconds, inForce } = report
  const name = `generation ${generation} (${featureSet}, ${appHash.slice(0, 12)})`
  const made = `${records} records in ${Math.ceil(seconds)} s`
  const state = inForce ? 'is in force' : 'is made; the next tidemark start lets it take over'
  return `${name} ${state}: ${made}\n`
}

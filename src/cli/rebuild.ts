/**
 * `tidemark rebuild`: makes the state of another declaration beside the one in force, then lets it
 * take over. The events stay where they are, and so do the outputs of before.
 */
import { type Command, Option } from 'commander'
import { configurationError } from '../errors.js'
import { failpoint } from '../failpoint.js'
import { nonEmpty, positiveNumber } from './flags.js'
import { askFor } from './generations.js'
import type { CliIo } from './io.js'
import { lastPositions } from './positions.js'
import { openBrokersPlace } from './rebuild-brokers.js'
import { buildGeneration, nextGeneration } from './rebuild-generation.js'
import { openDirectoryPlace, type RebuildPlace } from './rebuild-place.js'
import { isTaken } from './rebuild-target.js'
import { DEFAULT_DATA_DIRECTORY } from './start-options.js'
import { stoppable } from './stop.js'
import { withEnd } from './with-end.js'

export interface RebuildFlags {
  readonly app?: string
  readonly data: string
  readonly config?: string
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
  /** false: whoever opens the data, or runs a partition, next lets it take over. */
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
    .addOption(
      new Option(
        '--config <file>',
        'configuration file (YAML) of workers on Kafka, instead of --data',
      )
        .argParser(nonEmpty('a file'))
        .conflicts('data'),
    )
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
 * `GENERATIONS_UNLISTED`, `SCHEMA_IDS_CHANGED`, `MODEL_MISMATCH`, `BUNDLE_APP_MISMATCH` (78) before
 * anything is made; `STOPPED` (75), and what the log, the stores and the owner's process raise.
 */
export async function runRebuild(flags: RebuildFlags, io: CliIo, stop: AbortSignal): Promise<void> {
  const place = await (flags.config === undefined
    ? openDirectoryPlace(flags, io)
    : openBrokersPlace({ ...flags, config: flags.config }, io))
  const report = await withEnd(
    () => rebuild(place, flags, io, stop),
    () => place.close(),
  )
  io.out(flags.json ? `${JSON.stringify(report)}\n` : rebuildText(report))
}

async function rebuild(
  place: RebuildPlace,
  flags: RebuildFlags,
  io: CliIo,
  stop: AbortSignal,
): Promise<RebuildReport> {
  const { loaded, owner, log, list } = place
  const startedMs = io.now()
  const positions = await lastPositions(log, place.name)
  const { appHash } = loaded.app.engine
  const isAsked = owner.appHash === appHash
  if (isAsked && (!place.isShared || isTaken(owner, positions))) {
    const text = `${place.title} is of this declaration already, hash ${appHash.slice(0, 12)}`
    throw configurationError('GENERATION_IN_FORCE', text)
  }
  const next = await nextGeneration({ place, positions, flags, io })
  let records = 0
  if (!isAsked) {
    await place.prepare?.(next.number)
    records = await buildGeneration({ place, next, flags, io, stop })
    await askFor(list, next.number)
    await place.built?.(next.number)
  }
  failpoint('rebuild.asked')
  const inForce = await place.takeOver(next.number, stop)
  const seconds = (io.now() - startedMs) / 1000
  const { number: generation } = next
  const { featureSet } = loaded.app
  return { generation, featureSet, appHash, records, seconds, inForce }
}

function rebuildText(report: RebuildReport): string {
  const { generation, featureSet, appHash, records, seconds, inForce } = report
  const name = `generation ${generation} (${featureSet}, ${appHash.slice(0, 12)})`
  const made = `${records} records in ${Math.ceil(seconds)} s`
  const state = inForce
    ? 'is in force'
    : 'is made; the next tidemark start or worker lets it take over'
  return `${name} ${state}: ${made}\n`
}

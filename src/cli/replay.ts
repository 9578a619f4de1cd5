/** `tidemark replay`: a point-in-time training set from the log of a data directory. */
import { resolve } from 'node:path'
import { type Command, InvalidArgumentError, Option } from 'commander'
import { usageError } from '../errors.js'
import { generatorRun } from '../ingest/generate.js'
import { parseCutoffs } from '../replay/cutoffs.js'
import type { Visibility } from '../replay/asked.js'
import { originsOf } from '../replay/origin.js'
import { type TrainingSetReport, writeTrainingSet } from '../replay/training-set.js'
import { nonEmpty } from './flags.js'
import type { CliIo } from './io.js'
import { addSourceFlags, type OpenSource, type SourceFlags, withSource } from './open-source.js'
import { Progress } from './progress.js'
import { stoppable } from './stop.js'

interface Flags extends SourceFlags {
  cutoffs?: string
  rows?: string
  out: string
  visibility: Visibility
  until?: number[]
  tmp?: string
  json?: boolean
}

export function replayCommand(program: Command, io: CliIo): void {
  addSourceFlags(program.command('replay'))
    .description('write the training set of customers at instants of the past, as Parquet')
    .addOption(
      new Option('--cutoffs <span>', 'FROM..TO/STEP, such as 2011-03-01..2011-10-10/7d').conflicts(
        'rows',
      ),
    )
    .option('--rows <file>', 'file with customer_id and as_of, one row each', nonEmpty('a file'))
    .requiredOption('--out <file>', 'the Parquet file to write', nonEmpty('a file'))
    .addOption(
      new Option('--visibility <what>', 'what a row may see of events logged later')
        .choices(['known', 'happened'])
        .default('known'),
    )
    .option('--until <offsets>', 'end offsets of an earlier replay, to repeat it', offsets)
    .option('--tmp <dir>', 'folder for what does not fit memory', nonEmpty('a directory'))
    .option('--json', 'the report as JSON on stdout')
    .action((flags: Flags) => stoppable(io, (stop) => runReplay(flags, io, stop)))
}

/** Writes the training set. Raises what `withSource` and `writeTrainingSet` raise. */
export async function runReplay(flags: Flags, io: CliIo, stop: AbortSignal): Promise<void> {
  const asked = askedOf(flags, io.cwd)
  // Of any declaration: what a rebuild would give can be trained on before it.
  await withSource(flags, io, stop, (data) => replay(data, asked, flags, io, stop), 'any')
}

type Asked = Parameters<typeof writeTrainingSet>[0]['asked']

function askedOf({ cutoffs, rows }: Flags, cwd: string): Asked {
  if (rows !== undefined) return { kind: 'rows', path: resolve(cwd, rows) }
  if (cutoffs === undefined) throw usageError('FLAG_MISSING', 'one of --cutoffs and --rows is due')
  return { kind: 'cutoffs', text: cutoffs, instants: parseCutoffs(cutoffs) }
}

async function replay(
  data: OpenSource,
  asked: Asked,
  flags: Flags,
  io: CliIo,
  stop: AbortSignal,
): Promise<void> {
  const { app } = data.loaded
  const reading = new Progress(io, 'replay', 'records')
  const computing = new Progress(io, 'computing rows', 'parts')
  const report = await writeTrainingSet({
    app,
    log: data.log,
    topic: data.topics.events,
    origins: await originsOf(data.log, data.topics),
    asked,
    visibility: flags.visibility,
    out: resolve(io.cwd, flags.out),
    synthetic: app.synthetic || (await generatorRun(data.log, data.name)) !== null,
    ...(flags.until === undefined ? {} : { until: flags.until }),
    ...(flags.tmp === undefined ? {} : { tempFolder: resolve(io.cwd, flags.tmp) }),
    signal: stop,
    onProgress: ({ step, done, total }) =>
      (step === 'read' ? reading : computing).update(done, total),
  })
  computing.clear()
  reading.end(report.records)
  io.out(flags.json ? `${JSON.stringify(report)}\n` : replayText(report, flags.out))
}

function replayText({ rows, labelled, endOffsets }: TrainingSetReport, out: string): string {
  return (
    `${rows} rows in ${out}, ${labelled} of them with a label\n` +
    `the same again: --until ${endOffsets.join(',')}\n`
  )
}

/** @example offsets('1200,1180') // [1200, 1180] */
function offsets(text: string): number[] {
  if (!/^\d{1,16}(,\d{1,16})*$/.test(text)) {
    throw new InvalidArgumentError('end offsets are whole numbers, one a partition: 1200,1180.')
  }
  return text.split(',').map(Number)
}

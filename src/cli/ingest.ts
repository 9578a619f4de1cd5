/** `tidemark ingest`: files into the event log of a data directory. */
import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { Command } from 'commander'
import { exitCode, ioError, TidemarkError } from '../errors.js'
import { type IngestProgress, ingestSql, type IngestReport } from '../ingest/ingest.js'
import { topicsOf } from '../log/log.js'
import { dataOwner, removeNew } from './data-directory.js'
import { nonEmpty, positiveNumber, wholeNumber } from './flags.js'
import type { CliIo } from './io.js'
import { type OpenData, openData } from './open-data.js'
import { Progress } from './progress.js'
import { DEFAULT_DATA_DIRECTORY } from './start-options.js'
import { stoppable } from './stop.js'
import { withEnd } from './with-end.js'

interface Flags {
  app?: string
  data: string
  sql: string
  from: string[]
  rate?: number
  partitions?: number
  json?: boolean
}

export function ingestCommand(program: Command, io: CliIo): void {
  program
    .command('ingest')
    .description('load CSV, Parquet or JSON files into the event log')
    .option('--app <app>', 'churn, or the folder of an app', nonEmpty('an app'))
    .option('--data <dir>', 'data directory', nonEmpty('a directory'), DEFAULT_DATA_DIRECTORY)
    .requiredOption('--sql <file>', 'DuckDB SQL that makes events of the files', nonEmpty('a file'))
    .requiredOption('--from <file...>', 'the files, ${files} in the SQL; gzip too')
    .option(
      '--rate <n>',
      'at most so many rows a second',
      positiveNumber('a rate in rows per second', 10_000_000),
    )
    .option(
      '--partitions <n>',
      'partitions of a log that is new',
      wholeNumber('a number of partitions', 1, 1024),
    )
    .option('--json', 'the report as JSON on stdout')
    .action((flags: Flags) => stoppable(io, (stop) => runIngest(flags, io, stop)))
}

/**
 * Loads the files. Raises what `openData` and `ingestSql` raise, and `STOPPED` (exit 75) where it
 * was told to stop: the same command goes on where it left off.
 */
export async function runIngest(flags: Flags, io: CliIo, stop: AbortSignal): Promise<void> {
  const sqlPath = resolve(io.cwd, flags.sql)
  const sql = await readFile(sqlPath, 'utf8').catch((error: unknown) => {
    throw ioError('FILE_MISSING', `cannot read the SQL file ${sqlPath}`, error)
  })
  const { partitions } = flags
  const directory = resolve(io.cwd, flags.data)
  const isNew = (await dataOwner(directory)) === null
  const data = await openData(directory, {
    app: flags.app ?? null,
    cwd: io.cwd,
    // Old data has no clock of its own, and must not get ours.
    timeBase: async () => ({ kind: 'none' }),
    share: (warning) => io.err(`tidemark: ${warning}\n`),
    ...(partitions === undefined ? {} : { partitions }),
  })
  let isKept = true
  const work = async (): Promise<void> => {
    try {
      await load(data, sql, flags, io, stop)
    } catch (error) {
      isKept = !isNew || !(await isEmpty(data))
      throw error
    }
  }
  await withEnd(
    () => withEnd(work, () => data.close()),
    async () => {
      if (!isKept) await removeNew(directory)
    },
  )
}

/** Whether the log has nothing at all. */
async function isEmpty({ log, loaded }: OpenData): Promise<boolean> {
  for (const topic of Object.values(topicsOf(loaded.app.name))) {
    for (let partition = 0; partition < log.partitions(topic); partition++) {
      if ((await log.endOffset(topic, partition)) > 0) return false
    }
  }
  return true
}

async function load(
  data: OpenData,
  sql: string,
  flags: Flags,
  io: CliIo,
  stop: AbortSignal,
): Promise<void> {
  const reading = new Progress(io, 'ingest', 'rows')
  const startedAt = io.now()
  const waiting = setInterval(() => {
    const seconds = Math.round((io.now() - startedAt) / 1000)
    reading.note(() => `ingest: reading and ordering the files, ${seconds} s`)
  }, 1000)
  let loading: Progress | null = null
  const onProgress = ({ rows, total }: IngestProgress): void => {
    clearInterval(waiting)
    // Begun with the first rows, so that the rate is theirs.
    loading ??= new Progress(io, 'ingest', 'rows')
    loading.update(rows, total)
  }
  const report = await ingestSql({
    app: data.loaded.app,
    log: data.log,
    sql,
    files: flags.from.map((file) => resolve(io.cwd, file)),
    ...(flags.rate === undefined ? {} : { rate: flags.rate }),
    signal: stop,
    onProgress,
  }).finally(() => clearInterval(waiting))
  reading.end(report.rows)
  io.out(flags.json ? `${JSON.stringify(report)}\n` : ingestText(report))
  if (report.done) return
  const text = `stopped after ${report.rows} of ${report.total} rows; the same command goes on there`
  throw new TidemarkError('STOPPED', text, { exit: exitCode.tryAgain, retry: 'now' })
}

/** What a person wants to know of a run. */
export function ingestText(report: IngestReport): string {
  const { rows, appended, rejected, resumedFrom, older } = report
  const lines = [`${rows} rows: ${appended} events, ${rejected} rejected`]
  if (resumedFrom > 0) lines.push(`went on behind row ${resumedFrom}, where it had been stopped`)
  for (const [code, { count, example }] of Object.entries(report.rejects)) {
    lines.push(`rejected ${count} with ${code}, such as: ${example}`)
  }
  if (older > 0) {
    lines.push(
      `warning: ${older} rows are older than what was loaded before, and may be late; files that ` +
        'belong together are best loaded in one run, which orders them by time',
    )
  }
  return `${lines.join('\n')}\n`
}

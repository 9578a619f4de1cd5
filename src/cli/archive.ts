/** `tidemark archive`: keeps the input of an app beyond the retention of the brokers. */
import { type Command, Option } from 'commander'
import { mkdir } from 'node:fs/promises'
import type { Config } from '../config/schema.js'
import { configurationError } from '../errors.js'
import { Archive } from '../log/archive.js'
import type { CheckedPartition } from '../log/archive-check.js'
import { archiveFailure } from '../log/archive-file.js'
import { KafkaLog } from '../log/kafka-log.js'
import { topicsOf } from '../log/log.js'
import { createArchiveMetrics, lagOf } from '../monitoring/archive-metrics.js'
import { listen } from '../serving/http.js'
import { buildMetricsServer } from '../serving/metrics-server.js'
import { Archiver } from './archiver.js'
import { configFlag, configOf } from './config.js'
import { kafkaConnection } from './connections.js'
import { takeLock } from './directory-lock.js'
import type { CliIo } from './io.js'
import { loadApp } from './load-app.js'
import { createLogger, type LogFormat } from './logger.js'
import { missingArchive } from './open-archive.js'
import { stoppable } from './stop.js'
import { closeAll, withEnd } from './with-end.js'

interface Flags {
  readonly config: string
  readonly check?: boolean
  readonly json?: boolean
  readonly logFormat: LogFormat
}

/** Between two lines about progress, while there is any. */
const tellEveryMs = 30_000

export function archiveCommand(program: Command, io: CliIo): void {
  program
    .command('archive')
    .description('keep the whole input of an app beyond the retention of the brokers')
    .addOption(configFlag())
    .option('--check', 'read all that is archived and every checksum, and end')
    .option(
      '--json',
      'one JSON line on stdout when following and when stopped, or what --check found',
    )
    .addOption(
      new Option('--log-format <format>', 'log lines on stderr')
        .choices(['human', 'json'])
        .default('human'),
    )
    .action(async (flags: Flags) => {
      const { config, folder } = await configOf(flags, io)
      const { archive } = config
      if (archive === null) {
        const text = 'the configuration has no section archive; archive.directory names the folder'
        throw configurationError('ARCHIVE_UNCONFIGURED', text)
      }
      if (flags.check) await runCheck(archive.directory, flags, io)
      else await stoppable(io, (stop) => runArchive(config, archive, folder, flags, io, stop))
    })
}

/**
 * Reads all of an archive; no broker is asked.
 *
 * @throws TidemarkError ARCHIVE_MISSING (78), ARCHIVE_DAMAGED, ARCHIVE_IO_FAILED (74)
 */
async function runCheck(directory: string, flags: Flags, io: CliIo): Promise<void> {
  const archive = await Archive.find(directory)
  if (archive === null) throw missingArchive(directory)
  const checked: CheckedPartition[] = []
  for (let partition = 0; partition < archive.owner.partitions; partition++) {
    const found = await archive.check(partition)
    if (found !== null) checked.push(found)
    if (!flags.json) io.out(`${found === null ? `${partition}: nothing` : lineOf(found)}\n`)
  }
  const { logId, topic } = archive.owner
  if (flags.json) io.out(`${JSON.stringify({ ok: true, logId, topic, partitions: checked })}\n`)
}

function lineOf({ partition, from, to, segments, records, bytes }: CheckedPartition): string {
  const files = `${segments} segments and a tail, ${bytes} bytes`
  return `${partition}: offsets ${from} to ${to} (exclusive), ${records} records, ${files}: whole`
}

async function runArchive(
  config: Config,
  { directory, segmentBytes, segmentMs }: NonNullable<Config['archive']>,
  folder: string,
  flags: Flags,
  io: CliIo,
  stop: AbortSignal,
): Promise<void> {
  const logger = createLogger(io, flags.logFormat)
  const closing: (() => Promise<void>)[] = []
  const work = async (): Promise<void> => {
    const { app } = await loadApp(config.app, folder)
    const topic = topicsOf(`${config.kafka.topicPrefix}${app.name}`).events
    const timeBase = { kind: config.kafka.timeBase }
    const log = await KafkaLog.open({ ...kafkaConnection(config), topics: [topic], timeBase })
    closing.push(() => log.close())
    closing.push(await locked(directory))
    const owner = { logId: log.id, topic, partitions: log.partitions(topic) }
    const archive = await Archive.begin(directory, owner)
    const writing = { segmentBytes, segmentMs, clock: io.now }
    const note = (text: string) => logger.warn(text)
    const archiver = new Archiver({ log, topic, archive, writing, note })
    const server = buildMetricsServer(createArchiveMetrics(() => archiver.status()))
    closing.push(() => server.close())
    const url = await listen(server, config.http.port, config.http.host)
    if (flags.json) io.out(`${JSON.stringify({ event: 'following', url, topic, directory })}\n`)
    else io.out(`Archive of ${topic} in ${directory}\nMetrics ${url}/metrics\n`)
    const telling = setInterval(() => logger.info(progressOf(archiver)), tellEveryMs)
    closing.push(async () => clearInterval(telling))
    await archiver.run(stop)
    tellStopped(archiver, flags, io)
  }
  await withEnd(work, () => closeAll(closing))
}

/** One process an archive. */
async function locked(directory: string): Promise<() => Promise<void>> {
  try {
    await mkdir(directory, { recursive: true })
    return await takeLock(directory)
  } catch (error) {
    throw archiveFailure(directory, error)
  }
}

function progressOf(archiver: Archiver): string {
  const all = archiver.status()
  const bytes = all.reduce((sum, it) => sum + it.bytes, 0)
  const lag = all.reduce((sum, it) => sum + (lagOf(it) ?? 0), 0)
  const ends = all.map(({ endOffset }) => endOffset).join(',')
  return `archived up to ${ends}; ${lag} records behind, ${bytes} bytes on disk`
}

function tellStopped(archiver: Archiver, flags: Flags, io: CliIo): void {
  const endOffsets = archiver.status().map(({ endOffset }) => endOffset)
  if (flags.json) io.out(`${JSON.stringify({ event: 'stopped', endOffsets })}\n`)
  else io.out(`Stopped: archived up to ${endOffsets.join(',')}.\n`)
}

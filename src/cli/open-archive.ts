/** The archive that a configuration names, joined to the log of its input. */
import type { Config } from '../config/schema.js'
import { configurationError } from '../errors.js'
import { Archive } from '../log/archive.js'
import { ArchivedLog } from '../log/archived-log.js'
import { topicSettings } from '../log/kafka-topic-setup.js'
import type { EventLog } from '../log/log.js'
import { kafkaConnection } from './connections.js'
import { withEnd } from './with-end.js'

/** From this share of its life on, what is not archived yet is told of. */
const oldShare = 0.75

/**
 * The log with what its archive has; the log alone where the configuration names none, or none was
 * begun.
 *
 * @throws TidemarkError ARCHIVE_FOREIGN (78), ARCHIVE_DAMAGED, ARCHIVE_IO_FAILED (74)
 */
export async function withArchive(
  log: EventLog,
  topic: string,
  { archive: section }: Config,
): Promise<EventLog> {
  const archive = section === null ? null : await Archive.find(section.directory)
  return archive === null ? log : new ArchivedLog(log, topic, archive)
}

/**
 * The same for a worker, which must be able to rely on it: whatever the brokers delete is archived
 * before. `warn` is told where that is about to fail.
 *
 * @throws TidemarkError ARCHIVE_MISSING (78) where the brokers delete and nothing was archived yet,
 *   ARCHIVE_BEHIND (78) where they have deleted what the archive lacks, and what `withArchive` throws
 */
export async function withCheckedArchive(
  log: EventLog,
  topic: string,
  config: Config,
  warn: (text: string) => void,
): Promise<EventLog> {
  if (config.archive === null) return log
  const names = ['retention.ms', 'retention.bytes']
  const settings = await topicSettings(kafkaConnection(config), topic, names)
  const keepsAll = names.every((name) => settings.get(name) === '-1')
  const { directory } = config.archive
  const archive = await Archive.find(directory)
  if (archive === null) {
    if (keepsAll) return log
    throw missingArchive(directory)
  }
  const joined = new ArchivedLog(log, topic, archive)
  const retentionMs = Number(settings.get('retention.ms'))
  const partitions = Array.from({ length: log.partitions(topic) }, (_, p) => p)
  const told = partitions.map(async (partition) => {
    // Fails where offsets are in neither.
    await joined.startOffset(topic, partition)
    if (retentionMs < 0) return
    const text = await expiring(joined, partition, retentionMs)
    if (text !== null) warn(text)
  })
  await Promise.all(told)
  return joined
}

/** One sentence where the oldest record that is not archived yet will soon be deleted. */
async function expiring(
  { live, topic, archive }: ArchivedLog,
  partition: number,
  retentionMs: number,
): Promise<string | null> {
  const range = await archive.range(partition)
  const from = range?.to ?? (await live.startOffset(topic, partition))
  if (from >= (await live.endOffset(topic, partition))) return null
  const reader = live.reader(topic, partition, from)
  const { records } = await withEnd(
    () => reader.poll(1, 1_000),
    () => reader.close(),
  )
  const leftMs = (records[0]?.timestamp ?? Infinity) + retentionMs - Date.now()
  if (leftMs > retentionMs * (1 - oldShare)) return null
  const hours = Math.max(0, leftMs / 3_600_000).toFixed(1)
  const what = `the brokers delete offset ${from} of ${topic} partition ${partition} in ${hours} h`
  return `${what}, and it is not archived yet: does tidemark archive run?`
}

export function missingArchive(directory: string): Error {
  const text = `there is no archive in ${directory}; tidemark archive --config F begins it`
  return configurationError('ARCHIVE_MISSING', text)
}

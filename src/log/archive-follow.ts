/** Adds to the archive of a partition what the log has more than it. */
import { configurationError, TidemarkError } from '../errors.js'
import type { ArchiveWriter } from './archive-writer.js'
import { behind } from './archived-log.js'
import { type EventLog, recordBytes, type StoredRecord } from './log.js'

export interface FollowOptions {
  readonly topic: string
  readonly partition: number
  /** A block is written with this much, before it is deflated… */
  readonly blockBytes: number
  /** …or when its first record has waited for this long, wall time. */
  readonly blockMs: number
  /** How much is asked of the log at once. */
  readonly pollRecordsMax: number
  readonly clock: () => number
  /** Told when something was added. */
  added(): void
  readonly stop: AbortSignal
}

const waitMsMax = 250

/**
 * Follows the log until told to stop; what has come by then is added.
 *
 * @throws TidemarkError ARCHIVE_BEHIND (78) where the log has deleted what the archive lacks; what
 *   the log and the disk raise
 */
export async function followInto(
  writer: ArchiveWriter,
  log: Pick<EventLog, 'reader' | 'startOffset'>,
  options: FollowOptions,
): Promise<void> {
  const { topic, partition, blockBytes, blockMs, pollRecordsMax, clock, stop } = options
  const reader = log.reader(topic, partition, writer.to)
  let records: StoredRecord[] = []
  let bytes = 0
  let openedMs: number | null = null
  const add = async (): Promise<void> => {
    const to = reader.nextOffset
    if (to === writer.to) return
    await writer.append(records, to)
    records = []
    bytes = 0
    openedMs = null
    options.added()
  }
  try {
    while (!stop.aborted) {
      const waitMs = openedMs === null ? waitMsMax : Math.min(waitMsMax, blockMs)
      const poll = await reader.poll(pollRecordsMax, waitMs)
      for (const record of poll.records) {
        records.push(record)
        bytes += recordBytes(record)
      }
      // Marks alone are worth a block too: the log deletes them like records.
      if (reader.nextOffset > writer.to) openedMs ??= clock()
      if (bytes >= blockBytes || (openedMs !== null && clock() - openedMs >= blockMs)) await add()
    }
    await add()
  } catch (error) {
    throw await failureOf(error, writer, log, options)
  } finally {
    await reader.close()
  }
}

async function failureOf(
  error: unknown,
  { to }: ArchiveWriter,
  log: Pick<EventLog, 'startOffset'>,
  { topic, partition }: FollowOptions,
): Promise<unknown> {
  if (!(error instanceof TidemarkError) || error.code !== 'LOG_RANGE_LOST') return error
  const start = await log.startOffset(topic, partition)
  if (to < start) return behind(topic, partition, to, start, error)
  const text = `${topic} partition ${partition}: the archive ends at offset ${to}`
  return configurationError('ARCHIVE_AHEAD', `${text}, beyond the log: ${error.message}`, error)
}

/** Reading a topic up to fixed ends. */
import { configurationError } from '../errors.js'
import type { EventLog, StoredRecord } from '../log/log.js'

const recordsPerPoll = 1024

/** The records of a partition from its start to `endOffset` (exclusive), in portions. */
export async function* readPartition(
  log: EventLog,
  topic: string,
  partition: number,
  endOffset: number,
  fromOffset?: number,
): AsyncGenerator<readonly StoredRecord[], void, undefined> {
  let at = fromOffset ?? (await log.startOffset(topic, partition))
  if (at >= endOffset) return
  const reader = log.reader(topic, partition, at)
  try {
    while (at < endOffset) {
      const size = Math.min(recordsPerPoll, endOffset - at)
      const { records, atEnd } = await reader.poll(size, 1000)
      if (records.length === 0) {
        // Offsets may have gaps, so the end need not be a record; but a log may also be slow.
        if (atEnd) return
        continue
      }
      const due = records.filter(({ offset }) => offset < endOffset)
      if (due.length > 0) yield due
      at = records[records.length - 1].offset + 1
    }
  } finally {
    await reader.close()
  }
}

/**
 * The end of each partition: as it is now, or `until`, which repeats an earlier replay.
 *
 * Raises `UNTIL_INVALID` (exit 78) where the log is shorter or has another number of partitions.
 */
export async function endOffsetsOf(
  log: EventLog,
  topic: string,
  until: readonly number[] | undefined,
): Promise<number[]> {
  const ends: number[] = []
  for (let partition = 0; partition < log.partitions(topic); partition++) {
    ends.push(await log.endOffset(topic, partition))
  }
  if (until === undefined) return ends
  if (until.length !== ends.length || until.some((end, partition) => end > ends[partition])) {
    const text = `--until ${until.join(',')} is not in the log, whose ends are ${ends.join(',')}`
    throw configurationError('UNTIL_INVALID', text)
  }
  return [...until]
}

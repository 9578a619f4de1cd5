import type { EventLog, StoredRecord } from './log.js'
import { offsetRange } from './offset-range.js'

const recordsPerPoll = 1024

/** A partition, and where in it to begin; without an offset, at what is left of it. */
export interface ReadFrom {
  readonly topic: string
  readonly partition: number
  readonly from?: number
}

/** Hands over every record that was committed when it was called, and perhaps some behind. */
export async function readToEnd(
  log: EventLog,
  { topic, partition, from = 0 }: ReadFrom,
  see: (record: StoredRecord) => void,
): Promise<void> {
  const { start: first, end } = await offsetRange(log, topic, partition)
  const start = Math.max(from, first)
  if (start >= end) return
  const reader = log.reader(topic, partition, start)
  try {
    while (reader.nextOffset < end) {
      for (const record of (await reader.poll(recordsPerPoll, 100)).records) see(record)
    }
  } finally {
    await reader.close()
  }
}

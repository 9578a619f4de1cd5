/** Histories read from the output topics: the rows at the places that the snapshot store has kept. */
import { OutputChanges } from '../events/output-changes.js'
import type { RowLayout } from '../events/output-rows.js'
import type { EventLog, LogReader, StoredRecord, Topics } from '../log/log.js'
import type { HistoryOptions } from '../snapshots/stored-changes.js'

/** So near to where a reader stands the next record is read up to, and not opened anew. */
const nearRecords = 256

/** @example openLevelSnapshots(folder, { history: emittedHistory(log, topics, layout) }) */
export function emittedHistory(log: EventLog, topics: Topics, layout: RowLayout): HistoryOptions {
  return { changes: new OutputChanges(layout), rowsAt: rowsAt(log, topics) }
}

function rowsAt(log: EventLog, topics: Topics): HistoryOptions['rowsAt'] {
  return async (partition, customer, places) => {
    const [features, scores] = await Promise.all([
      recordsAt(
        log,
        topics.features,
        partition,
        places.map(([offset]) => offset),
      ),
      recordsAt(
        log,
        topics.scores,
        partition,
        places.map(([, offset]) => offset),
      ),
    ])
    const key = Buffer.from(customer)
    const valueOf = (record: StoredRecord | undefined) =>
      record?.key?.equals(key) === true ? record.value : null
    return places.map(([featuresOffset, scoresOffset]) => {
      const row = valueOf(features.get(featuresOffset))
      return row && { features: row, score: valueOf(scores.get(scoresOffset)) }
    })
  }
}

/** Those that the log still has. */
async function recordsAt(
  log: EventLog,
  topic: string,
  partition: number,
  offsets: readonly number[],
): Promise<Map<number, StoredRecord>> {
  const found = new Map<number, StoredRecord>()
  if (log.recordsAt !== undefined) {
    const records = await log.recordsAt(topic, partition, offsets)
    return new Map(records.map((record) => [record.offset, record]))
  }
  const start = await log.startOffset(topic, partition)
  let reader: LogReader | null = null
  try {
    for (const offset of offsets.toSorted((a, b) => a - b)) {
      if (offset < start) continue
      if (reader === null || offset - reader.nextOffset > nearRecords) {
        await reader?.close()
        reader = log.reader(topic, partition, offset)
      }
      const record = await readTo(reader, offset)
      if (record !== null) found.set(offset, record)
    }
    return found
  } finally {
    await reader?.close()
  }
}

async function readTo(reader: LogReader, offset: number): Promise<StoredRecord | null> {
  while (reader.nextOffset <= offset) {
    const { records, atEnd } = await reader.poll(offset - reader.nextOffset + 1, 1_000)
    const record = records.find((one) => one.offset === offset)
    if (record !== undefined) return record
    if (atEnd) return null
  }
  return null
}

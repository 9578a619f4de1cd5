/** The newest rejects of a topic, and how many there are of each code. */
import type { EventLog, StoredRecord } from '../log/log.js'
import { type Refusal, refusalOf } from '../operators/refusal.js'
import { readPartition } from './read-log.js'

export interface FoundReject {
  /** Of the reject itself, in the topic of rejects. */
  readonly partition: number
  readonly offset: number
  readonly refusal: Refusal
  /** As the record came, under the time of its producer. */
  readonly record: StoredRecord
}

export interface RejectsFound {
  /** Oldest first: by the time of the record, then by place. */
  readonly newest: readonly FoundReject[]
  /** Of all rejects, whatever was asked for. */
  readonly counts: Readonly<Record<string, number>>
}

export interface RejectsAsked {
  readonly log: EventLog
  /** The topic of rejects. */
  readonly topic: string
  /** null: every code. */
  readonly code: string | null
  /** How many to keep: that many records are in memory, and those of one poll. */
  readonly limit: number
  /** Makes of a record what is kept of it, so that large values are not. */
  readonly cut: (record: StoredRecord) => StoredRecord
  readonly signal: AbortSignal
  readonly onProgress: (records: number) => void
}

/** Reads the whole topic, as it is now. Raises what the log and the signal raise. */
export async function newestRejects(asked: RejectsAsked): Promise<RejectsFound> {
  const { log, topic, code, limit, cut, signal } = asked
  const newest: FoundReject[] = []
  const counts = new Map<string, number>()
  let records = 0
  for (let partition = 0; partition < log.partitions(topic); partition++) {
    const end = await log.endOffset(topic, partition)
    for await (const portion of readPartition(log, topic, partition, end)) {
      signal.throwIfAborted()
      for (const record of portion) {
        const refusal = refusalOf(record)
        counts.set(refusal.code, (counts.get(refusal.code) ?? 0) + 1)
        if (code !== null && refusal.code !== code) continue
        const isFull = newest.length === limit
        if (isFull && record.timestamp < newest[0].record.timestamp) continue
        insert(newest, { partition, offset: record.offset, refusal, record: cut(record) })
        if (isFull) newest.shift()
      }
      records += portion.length
      asked.onProgress(records)
    }
  }
  return { newest, counts: Object.fromEntries([...counts].sort(([a], [b]) => (a < b ? -1 : 1))) }
}

/** Behind all that are not newer: what comes is in order of place already. */
function insert(newest: FoundReject[], found: FoundReject): void {
  let at = newest.length
  while (at > 0 && newest[at - 1].record.timestamp > found.record.timestamp) at--
  newest.splice(at, 0, found)
}

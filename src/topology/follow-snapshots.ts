import assert from 'node:assert/strict'
import type { OutputRows } from '../events/output-rows.js'
import type { EventLog, LogReader, StoredRecord, Topics } from '../log/log.js'
import { tombstoneCommit } from '../operators/deliver.js'
import type { Position } from '../operators/position.js'
import type { SnapshotPut, SnapshotStore } from '../snapshots/snapshots.js'

const portion = 1024

export interface FollowSnapshotsParts {
  readonly log: EventLog
  readonly topics: Topics
  readonly snapshots: SnapshotStore
  readonly rows: OutputRows
}

/**
 * Lets the snapshots catch up from the output topics after their own cursor, as after a crash
 * between the log and them. A customer's feature row and score stand at the same place of the
 * two topics, in commit order.
 */
export async function followSnapshots(
  parts: FollowSnapshotsParts,
  partition: number,
  committed: Position,
): Promise<void> {
  const { log, topics, snapshots } = parts
  const cursor = await snapshots.cursor(partition)
  if (cursor !== null && cursor.commit >= committed.commit) return
  let [featuresOffset, scoresOffset] = [cursor?.featuresOffset ?? 0, cursor?.scoresOffset ?? 0]
  const features = log.reader(topics.features, partition, featuresOffset)
  const scores = log.reader(topics.scores, partition, scoresOffset)
  const end = await log.endOffset(topics.features, partition)
  const { asOf, endOffset } = committed
  const put = async ({ commit, rows }: CommitPuts): Promise<void> => {
    featuresOffset += rows.length
    scoresOffset += rows.length
    const proof = { partition, asOf, endOffset, commit, caughtUp: false }
    await snapshots.put(rows, proof, { commit, featuresOffset, scoresOffset })
  }
  // A portion may end within a commit, and a cursor that names one must stand behind all of it.
  let open: CommitPuts | null = null
  try {
    for (let read = featuresOffset; read < end;) {
      const left = await take(features, Math.min(portion, end - read))
      const right = await take(scores, left.length)
      read += left.length
      for (const [i, record] of left.entries()) {
        const commit = commitOf(record, parts.rows)
        if (open !== null && open.commit !== commit) {
          await put(open)
          open = null
        }
        open ??= { commit, rows: [] }
        const customer = record.key!.toString('utf8')
        open.rows.push({ customer, features: record.value, score: right[i].value })
      }
    }
    if (open !== null) await put(open)
    const { commit } = committed
    const proof = { partition, asOf, endOffset, commit, caughtUp: false }
    await snapshots.put([], proof, { commit, featuresOffset, scoresOffset })
  } finally {
    await features.close()
    await scores.close()
  }
}

async function take(reader: LogReader, count: number): Promise<StoredRecord[]> {
  const taken: StoredRecord[] = []
  while (taken.length < count) {
    const { records, atEnd } = await reader.poll(count - taken.length, 1000)
    taken.push(...records)
    assert(!atEnd || taken.length === count, 'a committed row has its score in the same commit')
  }
  return taken
}

interface CommitPuts {
  readonly commit: number
  readonly rows: SnapshotPut[]
}

function commitOf({ value, headers }: StoredRecord, rows: OutputRows): number {
  return value === null ? tombstoneCommit(headers) : rows.decodeFeatures(value).commit
}

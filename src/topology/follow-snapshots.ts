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
  readonly snapshots: Pick<SnapshotStore, 'cursor' | 'put'>
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
  try {
    while (featuresOffset < end) {
      const left = await take(features, Math.min(portion, end - featuresOffset))
      const right = await take(scores, left.length)
      for (const [commit, puts] of byCommit(left, right, parts.rows)) {
        // A cursor behind the whole portion would pass over the commits that are not put yet.
        featuresOffset += puts.length
        scoresOffset += puts.length
        const proof = { partition, asOf, endOffset, commit, caughtUp: false }
        await snapshots.put(puts, proof, { commit, featuresOffset, scoresOffset })
      }
    }
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

function byCommit(
  features: readonly StoredRecord[],
  scores: readonly StoredRecord[],
  rows: OutputRows,
): Map<number, SnapshotPut[]> {
  const groups = new Map<number, SnapshotPut[]>()
  features.forEach((record, i) => {
    const { key, value, headers } = record
    const commit = value === null ? tombstoneCommit(headers) : rows.decodeFeatures(value).commit
    const put = { customer: key!.toString('utf8'), features: value, score: scores[i].value }
    const group = groups.get(commit)
    if (group === undefined) groups.set(commit, [put])
    else group.push(put)
  })
  return groups
}

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
  let featuresOffset = cursor?.featuresOffset ?? (await log.startOffset(topics.features, partition))
  let scoresOffset = cursor?.scoresOffset ?? (await log.startOffset(topics.scores, partition))
  const end = await log.endOffset(topics.features, partition)
  const features = log.reader(topics.features, partition, featuresOffset)
  const scores = log.reader(topics.scores, partition, scoresOffset)
  const { asOf, endOffset } = committed
  /** A portion may end within a commit, and a cursor that names one must stand behind all of it. */
  let open: CommitPuts | null = null
  const put = async (puts: CommitPuts): Promise<void> => {
    const { commit } = puts
    featuresOffset = puts.featuresOffset
    scoresOffset = puts.scoresOffset
    const proof = { partition, asOf, endOffset, commit, caughtUp: false }
    await snapshots.put(puts.rows, proof, { commit, featuresOffset, scoresOffset })
  }
  try {
    for (let read = featuresOffset; read < end;) {
      const poll = await features.poll(portion, 1000)
      const left = poll.records.filter(({ offset }) => offset < end)
      assert(!poll.atEnd || left.length > 0, 'the features topic ends before its end')
      const right = await take(scores, left.length)
      for (const [i, record] of left.entries()) {
        const commit = commitOf(record, parts.rows)
        if (open !== null && open.commit !== commit) {
          await put(open)
          open = null
        }
        open ??= { commit, rows: [], featuresOffset: 0, scoresOffset: 0 }
        add(open, record, right[i])
        read = record.offset + 1
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

/** What is put of one commit, and where its rows end. */
interface CommitPuts {
  readonly commit: number
  readonly rows: SnapshotPut[]
  featuresOffset: number
  scoresOffset: number
}

function commitOf({ value, headers }: StoredRecord, rows: OutputRows): number {
  return value === null ? tombstoneCommit(headers) : rows.decodeFeatures(value).commit
}

function add(open: CommitPuts, features: StoredRecord, score: StoredRecord): void {
  const customer = features.key!.toString('utf8')
  open.rows.push({ customer, features: features.value, score: score.value })
  open.featuresOffset = features.offset + 1
  open.scoresOffset = score.offset + 1
}

import assert from 'node:assert/strict'
import { commitOf as commitIn } from '../events/output-head.js'
import type { EventLog, LogReader, StoredRecord, Topics } from '../log/log.js'
import { type OutputEnds, tombstoneCommit } from '../operators/deliver.js'
import type { Position } from '../operators/position.js'
import type { SnapshotCursor, SnapshotPut, SnapshotStore } from '../snapshots/snapshots.js'

const portion = 1024

export interface FollowSnapshotsParts {
  readonly log: EventLog
  readonly topics: Topics
  readonly snapshots: Pick<SnapshotStore, 'cursor' | 'put' | 'catchUp'>
}

/**
 * Lets the snapshots catch up from the output topics after their own cursor, as after a crash
 * between the log and them. A customer's feature row and score stand at the same place of the
 * two topics, in commit order.
 *
 * Rows of another generation have other columns and are passed over; every customer has a new one
 * since. What erases a customer is of all generations: a store that comes back into force must not
 * bring him back.
 *
 * `ends`: where the committed outputs end, where that is known.
 */
export async function followSnapshots(
  parts: FollowSnapshotsParts,
  partition: number,
  committed: Position,
  ends?: OutputEnds,
): Promise<void> {
  const { log, topics, snapshots } = parts
  const [cursor, starts, upTo] = await Promise.all([
    snapshots.cursor(partition),
    outputStarts(log, topics, partition),
    ends ?? outputEnds(log, topics, partition),
  ])
  if (cursor !== null && cursor.commit >= committed.commit) return
  const from = await begin(parts, partition, { cursor, starts, ends: upTo }, committed)
  const { asOf, endOffset } = committed
  if (snapshots.catchUp?.(partition, upTo.featuresOffset - from.featuresOffset) === true) {
    const { commit } = committed
    const proof = { partition, asOf, endOffset, commit, caughtUp: false }
    return snapshots.put([], proof, { commit, ...upTo })
  }
  const isOwn = ownBy(from.commit, committed.generation?.sinceCommit ?? 0)
  let { featuresOffset, scoresOffset } = from
  const { featuresOffset: end, scoresOffset: scoresEnd } = upTo
  const features = log.reader(topics.features, partition, featuresOffset)
  const scores = log.reader(topics.scores, partition, scoresOffset)
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
      read = (left.at(-1)?.offset ?? read - 1) + 1
      const whole = left.filter(isOwn)
      const right = await take(scores, whole.length, isOwn)
      for (const [i, record] of whole.entries()) {
        const commit = commitOf(record)
        if (open !== null && open.commit !== commit) {
          await put(open)
          open = null
        }
        open ??= { commit, rows: [], featuresOffset: 0, scoresOffset: 0 }
        add(open, record, right[i])
      }
    }
    if (open !== null) await put(open)
    const { commit, generation } = committed
    // Rows that were passed over are not to be read again.
    if (generation !== undefined) [featuresOffset, scoresOffset] = [end, scoresEnd]
    const proof = { partition, asOf, endOffset, commit, caughtUp: false }
    await snapshots.put([], proof, { commit, featuresOffset, scoresOffset })
  } finally {
    await features.close()
    await scores.close()
  }
}

/** Where the committed outputs of a partition end. */
export async function outputEnds(
  log: EventLog,
  topics: Topics,
  partition: number,
): Promise<OutputEnds> {
  const [featuresOffset, scoresOffset] = await Promise.all([
    log.endOffset(topics.features, partition),
    log.endOffset(topics.scores, partition),
  ])
  return { featuresOffset, scoresOffset }
}

async function outputStarts(log: EventLog, topics: Topics, partition: number): Promise<OutputEnds> {
  const [featuresOffset, scoresOffset] = await Promise.all([
    log.startOffset(topics.features, partition),
    log.startOffset(topics.scores, partition),
  ])
  return { featuresOffset, scoresOffset }
}

interface Known {
  readonly cursor: SnapshotCursor | null
  /** Where both topics begin. */
  readonly starts: OutputEnds
  readonly ends: OutputEnds
}

/** Where both topics are read from, and the first commit that is whole in both. */
interface Beginning extends OutputEnds {
  readonly commit: number
}

/**
 * Behind the cursor, unless the log has deleted what follows on it: then as early as it can be. Each
 * topic is deleted in portions of its own, so the first commit of either may be cut, or missing in
 * the other.
 */
async function begin(
  { log, topics }: FollowSnapshotsParts,
  partition: number,
  { cursor, starts, ends }: Known,
  { commit: last, generation }: Position,
): Promise<Beginning> {
  if (cursor === null && generation !== undefined && generation.sinceCommit > last) {
    // Nothing of this generation has been emitted, and an empty store has nobody to erase.
    return { ...ends, commit: 0 }
  }
  const { featuresOffset, scoresOffset } = starts
  const isThere =
    cursor !== null &&
    cursor.featuresOffset >= featuresOffset &&
    cursor.scoresOffset >= scoresOffset
  if (isThere) return { ...cursor, commit: 0 }
  if (featuresOffset === 0 && scoresOffset === 0) return { featuresOffset, scoresOffset, commit: 0 }
  const row = await firstRecord(log, topics.features, partition, featuresOffset)
  const score = await firstRecord(log, topics.scores, partition, scoresOffset)
  const [ofRow, ofScore] = [row, score].map((record) => (record === null ? 0 : commitOf(record)))
  const isPair = ofRow === ofScore && row?.key?.equals(score?.key ?? Buffer.alloc(0)) === true
  const commit = isPair ? ofRow : Math.max(ofRow, ofScore) + 1
  return { featuresOffset, scoresOffset, commit }
}

async function firstRecord(
  log: EventLog,
  topic: string,
  partition: number,
  from: number,
): Promise<StoredRecord | null> {
  if ((await log.endOffset(topic, partition)) <= from) return null
  const reader = log.reader(topic, partition, from)
  try {
    for (;;) {
      const { records, atEnd } = await reader.poll(1, 1000)
      if (records.length > 0 || atEnd) return records[0] ?? null
    }
  } finally {
    await reader.close()
  }
}

/** Which records are taken: of commits that are whole, rows only of this generation. */
function ownBy(first: number, since: number): (record: StoredRecord) => boolean {
  return (record) => commitOf(record) >= (record.value === null ? first : Math.max(first, since))
}

/** The next `count` records that are taken. */
async function take(
  reader: LogReader,
  count: number,
  isOwn: (record: StoredRecord) => boolean,
): Promise<StoredRecord[]> {
  const taken: StoredRecord[] = []
  while (taken.length < count) {
    const { records, atEnd } = await reader.poll(count - taken.length, 1000)
    for (const record of records) if (isOwn(record)) taken.push(record)
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

/** Of a row, or of a score. */
function commitOf({ value, headers }: StoredRecord): number {
  if (value === null) return tombstoneCommit(headers)
  const commit = commitIn(value)
  assert(commit !== null, 'a row names its commit')
  return commit
}

function add(open: CommitPuts, features: StoredRecord, score: StoredRecord): void {
  const customer = features.key!.toString('utf8')
  open.rows.push({ customer, features: features.value, score: score.value })
  open.featuresOffset = features.offset + 1
  open.scoresOffset = score.offset + 1
}

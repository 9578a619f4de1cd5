/**
 * Turns a scored commit into one transaction of the log: feature rows, scores, rejects, late
 * events, what changed of the state where the log keeps it, and last the position. Nothing of it can be read before all of it can (C1).
 */
import { concatMap, type OperatorFunction } from 'rxjs'
import type { OutputRows, ScoreFields } from '../events/output-rows.js'
import { failpoint } from '../failpoint.js'
import type { Committed, EventLog, Headers, LogRecord, Topics, Transaction } from '../log/log.js'
import { decisionOf, riskLevelOf } from '../scoring/risk.js'
import type { ScoredRows } from '../scoring/scorer.js'
import type { SnapshotPut } from '../snapshots/snapshots.js'
import type { ScoredCommit } from './batch.js'
import type { Position } from './position.js'
import { lateRecord, rejectRecord } from './reject-record.js'

export interface DeliverOptions {
  readonly log: EventLog
  readonly topics: Topics
  readonly partition: number
  /** The writer's name: one a partition. */
  readonly writer: string
  /** Of the app that runs, for rejects. */
  readonly appVersion: string
  readonly rows: OutputRows
  /** Shown the write under way, whose outcome a recovery has to wait for. */
  writing(write: Promise<unknown>, position: Position): void
}

export interface OutputEnds {
  readonly featuresOffset: number
  readonly scoresOffset: number
}

export interface DeliveredCommit<S> extends ScoredCommit<S> {
  /** What the snapshots take over, now that the log has it. */
  readonly puts: readonly SnapshotPut[]
  /** What a row and its score take, in bytes, on average; 0 without rows. */
  readonly rowBytes: number
  /** Exclusive: the ends of the commit's rows in the output topics; null without rows. */
  readonly ends: OutputEnds | null
  /** Exclusive: the end of what the commit changed of the state in the log; null: nothing. */
  readonly stateOffset: number | null
}

export function deliver<S>(
  options: DeliverOptions,
): OperatorFunction<ScoredCommit<S>, DeliveredCommit<S>> {
  return concatMap(async (commit) => {
    const puts = encodeRows(commit, options)
    const write = writeCommit(commit, puts, options)
    options.writing(write, commit.position)
    const committed = await write
    failpoint('engine.after-log')
    return delivered(commit, puts, committed, options)
  })
}

export function encodeRows<S>(commit: ScoredCommit<S>, options: DeliverOptions): SnapshotPut[] {
  const { rows } = options
  const { position } = commit
  const { partition, topics } = options
  rows.begin({ ...position, topic: topics.events, partition }, position.model)
  const puts: SnapshotPut[] = []
  for (let row = 0; row < commit.rows.length; row++) {
    const score = isScored(options) ? scoreFields(commit.scores, row) : null
    puts.push({
      customer: commit.rows.customers[row],
      features: rows.features(commit.rows, row),
      score: score && rows.score(commit.rows, row, score),
      head: {
        asOf: position.asOf,
        retired: commit.rows.retired[row],
        probability: score?.probability ?? NaN,
        risk: score && score.risk,
      },
    })
  }
  for (const customer of commit.erased) puts.push({ customer, features: null, score: null })
  return puts
}

const isScored = ({ rows }: DeliverOptions): boolean => rows.layout.scored !== false

function meanBytes(puts: readonly SnapshotPut[]): number {
  let bytes = 0
  for (const { features, score } of puts) bytes += (features?.length ?? 0) + (score?.length ?? 0)
  return puts.length === 0 ? 0 : bytes / puts.length
}

/** What a score row says of row `row`: also the way in which verify derives it again. */
export function scoreFields(scores: ScoredRows, row: number): ScoreFields {
  const probability = scores.probability[row]
  const bundle = scores.bundles[scores.servedBy[row]]
  return {
    probability: Number.isNaN(probability) ? null : probability,
    risk: riskLevelOf(probability) ?? 'unknown',
    decision: decisionOf(probability, bundle.threshold),
    servedBy: bundle,
    degraded: scores.degraded?.[row] ?? null,
  }
}

async function writeCommit<S>(
  commit: ScoredCommit<S>,
  puts: readonly SnapshotPut[],
  options: DeliverOptions,
): Promise<Committed> {
  const transaction = options.log.begin(options.writer)
  try {
    appendCommit(transaction, commit, puts, options)
  } catch (error) {
    await transaction.abort()
    throw error
  }
  return transaction.commit()
}

/** Everything of a commit, its position last. */
export function appendCommit<S>(
  transaction: Transaction,
  commit: ScoredCommit<S>,
  puts: readonly SnapshotPut[],
  options: DeliverOptions,
): void {
  const { topics, partition } = options
  const place = { topic: topics.events, partition }
  const timestamp = stampOf(commit.position)
  for (const { customer, features, score } of puts) {
    const key = Buffer.from(customer, 'utf8')
    const headers = features === null ? tombstoneHeaders(commit.position.commit) : null
    transaction.append(topics.features, partition, record(key, features, timestamp, headers))
    if (isScored(options)) {
      transaction.append(topics.scores, partition, record(key, score, timestamp, headers))
    }
  }
  const by = { appVersion: options.appVersion, asOf: commit.position.asOf }
  for (const item of commit.rejected) {
    const rejected = rejectRecord(item.record, place, item.reject!, item.schemaId, by)
    transaction.append(topics.rejects, partition, rejected)
  }
  for (const item of commit.late) {
    const late = lateRecord(item.record, place, item.bound, item.clock)
    transaction.append(topics.late, partition, late)
  }
  for (const { key, value } of commit.border?.changes ?? []) {
    transaction.append(topics.state, partition, record(key as Buffer, value, timestamp))
  }
  const position = Buffer.from(JSON.stringify(commit.position))
  transaction.append(topics.changelog, partition, record(positionKey, position, timestamp))
}

/**
 * The instant that the outputs are of; while an event ahead of its record's stamp has moved the clock,
 * the newest stamp: a log refuses what is stamped more than an hour ahead, and took that one.
 */
function stampOf({ asOf, logClock, logTime }: Position): number {
  return asOf > logClock ? asOf : Math.min(asOf, logTime)
}

/** A commit that is written; `committed` tells where its own records ended. */
export function delivered<S>(
  commit: ScoredCommit<S>,
  puts: readonly SnapshotPut[],
  committed: Committed,
  options: DeliverOptions,
): DeliveredCommit<S> {
  const { topics, partition } = options
  const stateOffset = committed.endOffset(topics.state, partition)
  const ends = outputEnds(committed, options)
  return { ...commit, puts, rowBytes: meanBytes(puts), ends, stateOffset }
}

function outputEnds(
  committed: Committed,
  { topics, partition }: DeliverOptions,
): OutputEnds | null {
  const featuresOffset = committed.endOffset(topics.features, partition)
  const scoresOffset = committed.endOffset(topics.scores, partition)
  return featuresOffset === null || scoresOffset === null ? null : { featuresOffset, scoresOffset }
}

/** Key of the position record in the changelog topic. */
const positionKey = Buffer.from('position')

function record(
  key: Buffer,
  value: Uint8Array | null,
  timestamp: number,
  headers: Headers | null = null,
): LogRecord {
  return { key, value: value as Buffer | null, timestamp, headers }
}

const commitHeader = 'tidemark.commit'

/** A tombstone has no row to say which commit emitted it. */
function tombstoneHeaders(commit: number): Headers {
  return [[commitHeader, Buffer.from(String(commit))]]
}

/** The commit that emitted a tombstone of an output topic. */
export function tombstoneCommit(headers: Headers | null): number {
  const header = headers?.find(([name]) => name === commitHeader)
  return header === undefined ? 0 : Number(header[1].toString())
}

import { configurationError } from '../errors.js'
import type { ModelName } from '../events/output-rows.js'
import type { TimerCursor } from '../state/timers.js'
import type { GenerationSpan } from './generation.js'

/** What became of the records so far; a part of the position, so exact across crashes. */
export interface Counts {
  accepted: number
  duplicates: number
  late: number
  erasures: number
  /** By reject code. */
  rejected: Record<string, number>
  /** Events that broke a rule which only flags, by rule. */
  flagged: Record<string, number>
  /** Offsets that the log had deleted before they were read, where that was allowed. */
  lost?: number
}

/**
 * The record that ends each commit: with it, and the input before `endOffset`, everything can be
 * derived again. JSON in the changelog topic.
 */
export interface Position {
  /** Counts up by one a commit and never restarts. */
  readonly commit: number
  /** Names this very attempt: the process that made it and the commit. */
  readonly commitId: string
  /** Exclusive: the input that the commit has seen. */
  readonly endOffset: number
  /**
   * Where the input began when the app first started on it: what a prefix is counted from. Positions
   * that say none are of logs that begin at 0.
   */
  readonly origin?: number
  /** 1 + the largest occurred_at of the valid events so far; 0 before the first. */
  readonly logClock: number
  /** The running maximum of record timestamps, rejects included. */
  readonly logTime: number
  readonly asOf: number
  readonly timers: TimerCursor
  readonly model: ModelName
  /** What computed the scores: bits are compared only with those of the same; null: nothing did. */
  readonly runtime: string | null
  readonly appHash: string
  /** The generation that the commit is of; absent: the first one, from the beginning. */
  readonly generation?: GenerationSpan
  readonly partitions: number
  readonly logId: string
  /** Of the input before `endOffset` as this generation judges it, whichever was in force then. */
  readonly counts: Counts
  /** What the state amounts to, where each commit writes what changed of it to the log. */
  readonly state?: StateSum
}

/** The digest over all cells, and how many customers have any. */
export interface StateSum {
  readonly digest: string
  readonly customers: number
}

/**
 * That a position is of this input, to whose offsets and partitions it refers: one that was created
 * anew under the same name, or has other partitions, is another log.
 *
 * @throws TidemarkError LOG_CHANGED (78)
 */
export function assertSameInput(
  { commit, logId, partitions }: Pick<Position, 'commit' | 'logId' | 'partitions'>,
  log: { readonly id: string; partitions(topic: string): number },
  topic: string,
): void {
  const advice = 'bring the old one back, or begin anew under another name'
  if (logId !== log.id) {
    const text = `commit ${commit} read another log than ${topic} is now, of id ${logId}, not ${log.id}`
    throw configurationError('LOG_CHANGED', `${text}: ${advice}`)
  }
  const now = log.partitions(topic)
  if (partitions === now) return
  const text = `commit ${commit} was made when ${topic} had ${partitions} partitions; it has ${now} now`
  const why = 'they decide which customer is where'
  throw configurationError('LOG_CHANGED', `${text}, and ${why}: ${advice}`)
}

export function emptyCounts(): Counts {
  return { accepted: 0, duplicates: 0, late: 0, erasures: 0, rejected: {}, flagged: {} }
}

/** Records that the counts account for: in = accepted + duplicates + late + erasures + rejected. */
export function countedRecords(counts: Counts): number {
  const rejected = Object.values(counts.rejected).reduce((sum, n) => sum + n, 0)
  return counts.accepted + counts.duplicates + counts.late + counts.erasures + rejected
}

import type { ModelName } from '../events/output-rows.js'
import type { TimerCursor } from '../state/timers.js'

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
  readonly partitions: number
  readonly logId: string
  readonly counts: Counts
  /** What the state amounts to, where each commit writes what changed of it to the log. */
  readonly state?: StateSum
}

/** The digest over all cells, and how many customers have any. */
export interface StateSum {
  readonly digest: string
  readonly customers: number
}

export function emptyCounts(): Counts {
  return { accepted: 0, duplicates: 0, late: 0, erasures: 0, rejected: {}, flagged: {} }
}

/** Records that the counts account for: in = accepted + duplicates + late + erasures + rejected. */
export function countedRecords(counts: Counts): number {
  const rejected = Object.values(counts.rejected).reduce((sum, n) => sum + n, 0)
  return counts.accepted + counts.duplicates + counts.late + counts.erasures + rejected
}

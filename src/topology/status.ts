/**
 * What a running engine tells about itself. Everything here is a copy of what the tasks know at the
 * moment of asking: readers (the page, the metrics, the readiness check) keep no books of their own.
 *
 * Counts of records are of the whole history of the log, not of this process: they come from the
 * position. Counts of scores are of this process, since it was given the partition.
 */
import type { TimeBase } from '../log/log.js'
import type { BundleInfo } from '../scoring/scorer.js'

export type EngineState = 'starting' | 'restoring' | 'running' | 'stopping' | 'failed'

export interface RestoreProgress {
  /** Offsets of the log that the store has followed so far. */
  readonly done: number
  readonly total: number
}

export interface PartitionStatus {
  readonly partition: number
  /** Exclusive: the prefix of the input that is committed. */
  readonly endOffset: number
  /** Exclusive: the end of the input log; the difference is the lag. */
  readonly logEndOffset: number
  /** ms UTC; null before the first valid event. */
  readonly logClock: number | null
  /** ms UTC; null before the first record. */
  readonly logTime: number | null
  /** ms UTC; null before the first commit. */
  readonly asOf: number | null
  /** Number of the last commit; 0 before the first. */
  readonly commit: number
  /** The generation that it is of; where another one takes over, that one as soon as it is open. */
  readonly generation: number
  readonly caughtUp: boolean
  readonly customers: number
  readonly accepted: number
  readonly duplicates: number
  readonly late: number
  readonly erasures: number
  /** Offsets that the log had deleted before they were read. */
  readonly lost: number
  /** Rejected records by code. */
  readonly rejected: Readonly<Record<string, number>>
  /** Broken rules that only flag, by rule name. */
  readonly flagged: Readonly<Record<string, number>>
  /** Since the partition was given to this process; a re-score counts as one by event. */
  readonly scoresByEvent: number
  readonly scoresByTime: number
  /** Scores since the start of which the model in force failed. */
  readonly degraded: number
  readonly timersWaiting: number
  /** How long the oldest due timer has waited, in seconds of event time; 0 where none is due. */
  readonly timersOverdueSeconds: number
  /** null where nothing is being restored. */
  readonly restoring: RestoreProgress | null
  /** Offsets a second of wall time since it began to restore; null where nothing is, or is known. */
  readonly restoredPerSecond: number | null
  /** Wall time of the last commit, from its closing to its durability; null before the first. */
  readonly lastCommitMs: number | null
  /** The part of the state that is held in memory. */
  readonly stateBytes: number
  readonly stateEntries: number
  /** Wall time at which the whole state was last found to be what was written; null: not yet. */
  readonly provedAt: number | null
  /** Since the start: damaged stores that were set aside and made again from the log. */
  readonly storesSetAside: number
  /** Since the start: failures behind which the partition was opened again, by code. */
  readonly failures: Readonly<Record<string, number>>
  /** Since the start: commits that were begun and are not in the log, or not known to be. */
  readonly aborted: number
}

export interface EngineStatus {
  readonly app: string
  readonly appHash: string
  /** The generation that runs. */
  readonly generation: number
  /** Name and version of the feature set, `churn/1`. */
  readonly featureSet: string
  /** Whether the app's data is made up. */
  readonly synthetic: boolean
  readonly timeBase: TimeBase
  /** The instant that the time base shows; null where the base is `none`. */
  readonly now: number | null
  /** Wall clock, ms UTC. */
  readonly startedAt: number
  readonly state: EngineState
  /** One sentence where the state is `failed`. */
  readonly failure: string | null
  readonly model: BundleInfo
  readonly partitions: readonly PartitionStatus[]
}

export interface EngineIdentity {
  readonly app: string
  readonly synthetic: boolean
}

/** Where the status comes from; cheap enough to be asked several times a second. */
export interface StatusSource {
  status(): EngineStatus
}

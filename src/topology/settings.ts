/** Bounds and paces of a running engine. Durations are of the wall clock unless said otherwise. */
export interface EngineSettings {
  /** Records a poll may hand over, and so the largest batch. */
  readonly batchRecordsMax: number
  /** A commit closes at the latest with this many records… */
  readonly commitRecordsMax: number
  /** …with this many bytes of records, or of rows that they touch (a batch may pass it)… */
  readonly commitBytesMax: number
  /** …or at this age, while the source is behind. */
  readonly commitAgeMsMax: number
  readonly timersPerCommitMax: number
  /** How long a poll waits for a first record when there is nothing else to do. */
  readonly idleWaitMs: number
  /** At most one tick in this time. */
  readonly tickEveryMs: number
  /** How far asOf stays behind the time base's now; a virtual base multiplies it by its speed. */
  readonly lagAllowanceMs: number
  readonly flushEveryMs: number
  readonly flushBytesMax: number
  /**
   * A store that was not written for longer is made again from the log in full, where that keeps the
   * state: half the time for which the log keeps what was deleted.
   */
  readonly storeAgeMsMax: number
  /**
   * Memory for hot customers, of all partitions together. More is no faster where it does not hold
   * everybody: the garbage collector then looks at more, again and again (`bench/README.md`).
   */
  readonly hotBytesMax: number
  /** Pause between two scrubs of the whole state, a partition; opening it is one. */
  readonly scrubEveryMs: number
  /** Share of one CPU that a scrub may take, above 0 and up to 1. */
  readonly scrubShare: number
  /**
   * `atLeastOnce`: rows are where readers may see them before their transaction ends, and a
   * transaction has several commits.
   */
  readonly delivery: 'exactlyOnce' | 'atLeastOnce'
  /**
   * Where the log has deleted input that was not read: `fail` ends the engine, `earliest` goes on at
   * what is left, and counts.
   */
  readonly lostRange: 'fail' | 'earliest'
  /** First pause before a failed task is opened again; doubles up to a minute. */
  readonly retryAfterMs: number
  /** Failures in a row after which the engine gives up. */
  readonly retriesMax: number
  readonly wallClock: () => number
}

export const defaultSettings: EngineSettings = {
  batchRecordsMax: 1024,
  commitRecordsMax: 10_000,
  commitBytesMax: 16 * 1024 * 1024,
  commitAgeMsMax: 100,
  timersPerCommitMax: 2000,
  idleWaitMs: 100,
  tickEveryMs: 1000,
  lagAllowanceMs: 10_000,
  flushEveryMs: 2000,
  flushBytesMax: 32 * 1024 * 1024,
  hotBytesMax: 128 * 1024 * 1024,
  storeAgeMsMax: 43_200_000,
  scrubEveryMs: 86_400_000,
  scrubShare: 0.05,
  delivery: 'exactlyOnce',
  lostRange: 'fail',
  retryAfterMs: 200,
  retriesMax: 8,
  wallClock: () => Date.now(),
}

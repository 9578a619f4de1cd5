import type { Refill } from './redis-refill.js'
import type { RedisRowTexts } from './redis-row.js'
import type { ChangeFormat } from './stored-changes.js'

export interface RedisStoreOptions {
  readonly rows: RedisRowTexts
  /** Without it no history is kept, and no top lists. */
  readonly changes?: ChangeFormat
  /** Puts a partition's outputs again. */
  readonly refill: Refill
  /** What the rows are of; without it, those of another log are not told from these. */
  readonly log?: RedisLogFacts
  /** Told of what a person would want to read in a log. */
  readonly note?: (text: string) => void
  /** Bytes of rows that wait for Redis. @default 32 MiB */
  readonly waitingBytesMax?: number
  /** Rows that commits wait for when a partition is opened; more are put beside them. @default 1_000 */
  readonly followedRowsMax?: number
  /** Between the beginnings of two writes, in ms. @default 10 */
  readonly writeEveryMs?: number
  /** How often it is looked whether Redis still has what it was told, in ms. @default 1000 */
  readonly checkEveryMs?: number
  /** Longest pause before the next attempt, in ms. @default 2000 */
  readonly pauseMsMax?: number
  /** Longest that opening, asking a cursor and flushing wait for a Redis that is away. @default 5000 */
  readonly awayMsMax?: number
  /** A server that says nothing for so long is given up, in ms. @default 5000 */
  readonly silenceMsMax?: number
  /**
   * A customer who has been retired for longer, in ms of event time, is taken out of Redis.
   * @default Infinity
   */
  readonly retiredMsMax?: number
  /** How often it is looked for them, in ms. @default 3600000 (an hour) */
  readonly sweepEveryMs?: number
  /** Between two scans of all customers for top lists, and between two publications, in ms. */
  readonly topEveryMs?: number
  readonly topPublishMs?: number
  /** How long an erased customer keeps older rows from coming back. @default 604800 (a week) */
  readonly tombstoneSeconds?: number
}

export interface RedisLogFacts {
  readonly id: string
  readonly partitions: number
  /** The newest commit of a partition; -1 before the first. */
  committed(partition: number): Promise<number>
}

export type RedisSettings = Required<Omit<RedisStoreOptions, 'log' | 'changes'>> &
  Pick<RedisStoreOptions, 'log' | 'changes'>

/** The options, and what holds where they say nothing. */
export function settingsOf(options: RedisStoreOptions): RedisSettings {
  return {
    note: () => undefined,
    waitingBytesMax: 32 * 1024 * 1024,
    followedRowsMax: 1_000,
    writeEveryMs: 10,
    checkEveryMs: 1000,
    pauseMsMax: 2000,
    awayMsMax: 5000,
    silenceMsMax: 5000,
    retiredMsMax: Infinity,
    sweepEveryMs: 3_600_000,
    topEveryMs: 60_000,
    topPublishMs: 1000,
    tombstoneSeconds: 7 * 86_400,
    ...options,
  }
}

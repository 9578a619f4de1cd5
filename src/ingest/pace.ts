/** How fast rows may go into the log. */
import { setTimeout as sleepMs } from 'node:timers/promises'
import type { EventLog } from '../log/log.js'

export interface Pace {
  /** Milliseconds of wall time until the row may be appended; 0 or less: now. */
  dueIn(row: number, timestamp: number): number
}

/** As fast as the log takes them. */
export const unpaced: Pace = { dueIn: () => 0 }

/** `rate` rows a second of wall time, counted from now. `row` counts from 0. */
export function pacedByRate(rate: number, wallMs: () => number): Pace {
  const start = wallMs()
  return { dueIn: (row) => start + (row * 1000) / rate - wallMs() }
}

/** Each row when the log's virtual clock comes to its timestamp. */
export function pacedByTime(log: EventLog): Pace {
  const { timeBase } = log
  const speed = timeBase.kind === 'virtual' ? timeBase.speed : 1
  return {
    dueIn: (_, timestamp) => {
      const now = log.now()
      return now === null ? 0 : (timestamp - now) / speed
    },
  }
}

/** Waits; ends early when `signal` is aborted. */
export type Sleep = (ms: number, signal: AbortSignal | undefined) => Promise<void>

export const sleep: Sleep = (ms, signal) =>
  sleepMs(ms, undefined, signal === undefined ? {} : { signal }).catch(() => {})

/** Shorter pauses would make a transaction of every row. */
const pauseMsMin = 20
/** Longer ones would trust a clock that can be set. */
const pauseMsMax = 1000

/** How long to sleep before the next look at a row that is due in so many ms. */
export function pauseFor(dueInMs: number): number {
  return Math.min(pauseMsMax, Math.max(pauseMsMin, dueInMs))
}

/** What a kind of window decides: where an event belongs, when a window closes, what is late. */
import { configurationError } from '../../errors.js'
import { parseDuration } from '../../features/duration.js'

export interface WindowKind {
  readonly kind: 'always' | 'tumbling' | 'hopping' | 'sliding' | 'session'
  /** What distinguishes two of a kind, in ms; part of the app hash. */
  readonly parameters: readonly number[]
  /** For aligned windows: the starts of those that an event at an instant belongs to, ascending. */
  readonly startsOf: (occurredAt: number) => readonly number[]
  readonly lengthMs: number
  /** The log clock from which a window with this end takes nothing; Infinity: it never closes. */
  readonly closesAt: (end: number) => number
  /** An event before this instant is late at a log clock. */
  readonly lateBound: (clock: number) => number
}

/**
 * A window that ends at `end` takes events until one has occurred at or behind `end + grace`: as
 * Kafka Streams and Flink have it. In log clocks that is 1 ms more.
 */
export const closingAt = (end: number, graceMs: number): number => end + graceMs + 1

/** @throws `WINDOW_INVALID` where a length of time is 0 */
export function positive(name: string, text: string): number {
  const ms = parseDuration(text)
  if (ms > 0) return ms
  throw configurationError('WINDOW_INVALID', `${name} ${text}: it must be above 0 ms`)
}

export const floorTo = (instant: number, step: number): number => Math.floor(instant / step) * step

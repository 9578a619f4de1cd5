/**
 * Generations: what one declaration computes of a log after another. Commit numbers go on across
 * them; a row belongs to the generation of its commit's position.
 *
 * When another generation takes over, each customer owes a row under its declaration, also one whom
 * nothing touches. He is due at the instant of the last commit before it, as if by a timer, until
 * the timer cursor has passed him there. So what is owed follows from the position alone.
 */
import { servedUntil, type TimerCursor } from '../state/timers.js'

/** A stay of a generation in force. */
export interface GenerationSpan {
  /** Counts from 1. */
  readonly number: number
  /** The first commit of this stay; commits before it are of another generation. */
  readonly sinceCommit: number
  /** asOf of the commit before it, in ms UTC: when the customers' rows under it are due. */
  readonly sinceAsOf: number
}

/** What of a position tells its generation. */
interface Generated {
  readonly generation?: GenerationSpan
  readonly timers: TimerCursor
}

/** @example generationOf({ timers }) // 1: the first one, from the beginning */
export function generationOf({ generation }: Pick<Generated, 'generation'>): number {
  return generation?.number ?? 1
}

/** Whether a customer may still owe his first row under the generation. */
export function owesRescore(
  span: GenerationSpan | null,
  cursor: TimerCursor,
  customer: string,
): boolean {
  return span !== null && servedUntil(cursor, customer) < span.sinceAsOf
}

/** Whether every customer has had a row under the generation of the position. */
export function isRescored({ generation, timers }: Generated): boolean {
  if (generation === undefined || timers.instant > generation.sinceAsOf) return true
  return timers.instant === generation.sinceAsOf && timers.customer === null
}

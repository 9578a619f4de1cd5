/**
 * How a generation takes over from another one: where its first commit goes on.
 *
 * The last position of the log decides which generation was in force; which one is asked for, the
 * parts say. As long as the two differ, each opening of the partition takes over anew.
 */
import { type GenerationSpan, generationOf } from '../operators/generation.js'
import type { Position } from '../operators/position.js'
import type { Progress } from '../operators/progress.js'
import type { AskedGeneration } from './parts.js'

/** The stay that the next commit belongs to; null: the first generation's, from the beginning. */
export function spanOf(
  asked: AskedGeneration | undefined,
  committed: Position | null,
): GenerationSpan | null {
  const number = asked?.number ?? 1
  if (committed === null) return number === 1 ? null : { number, sinceCommit: 1, sinceAsOf: 0 }
  if (!takesOver(asked, committed)) return committed.generation ?? null
  return { number, sinceCommit: committed.commit + 1, sinceAsOf: committed.asOf }
}

/** Whether the last commit was of another generation than the one asked for. */
export function takesOver(asked: AskedGeneration | undefined, committed: Position | null): boolean {
  return committed !== null && generationOf(committed) !== (asked?.number ?? 1)
}

/**
 * The last position of another generation as this one would have written it: the same input and the
 * same instant, its own clock and counts, and every customer's row still due.
 */
export function restated(
  committed: Position,
  span: GenerationSpan,
  progress: Progress,
  appHash: string,
): Position {
  const { logClock, logTime } = progress
  return {
    ...committed,
    appHash,
    generation: span,
    logClock,
    logTime,
    // What this generation accepts may have moved its clock further.
    asOf: Math.max(committed.asOf, logClock),
    timers: { instant: span.sinceAsOf - 1, customer: null },
    counts: progress.countsNow(),
  }
}

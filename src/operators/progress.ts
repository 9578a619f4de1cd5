import type { Reject, RuleFlags } from '../events/event.js'
import type { TimerCursor } from '../state/timers.js'
import type { GenerationSpan } from './generation.js'
import { type Counts, emptyCounts, type Position } from './position.js'

/**
 * How far one partition has come. Created per subscription from the committed position; only the
 * operators of that partition move it.
 */
export class Progress {
  logClock = 0
  logTime = 0
  endOffset: number
  /** See `Position`. */
  origin: number
  asOf = 0
  commit = 0
  /** null: the first generation, from the beginning. */
  generation: GenerationSpan | null = null
  /** The last timer served, for the cursor; null where that is not known. */
  served: TimerCursor | null = null
  /** How far earlier commits have served timers. */
  cursor: TimerCursor = { instant: 0, customer: null }
  counts: Counts = emptyCounts()
  readonly flags: RuleFlags = new Map()

  /** `position` null: nothing has been committed; reading starts at `startOffset`. */
  constructor(position: Position | null, startOffset: number) {
    this.endOffset = startOffset
    this.origin = startOffset
    if (position !== null) this.adopt(position)
  }

  adopt(position: Position): void {
    this.logClock = position.logClock
    this.logTime = position.logTime
    this.endOffset = position.endOffset
    this.origin = position.origin ?? 0
    this.asOf = position.asOf
    this.commit = position.commit
    this.generation = position.generation ?? null
    this.cursor = position.timers
    this.served = position.timers.customer === null ? null : position.timers
    this.counts = structuredClone(position.counts)
    this.flags.clear()
    for (const [rule, count] of Object.entries(position.counts.flagged)) this.flags.set(rule, count)
  }

  /** The log has nothing left below `startOffset`. */
  lose(startOffset: number): void {
    this.counts.lost = (this.counts.lost ?? 0) + startOffset - this.endOffset
    this.endOffset = startOffset
  }

  countReject(reject: Reject): void {
    this.counts.rejected[reject.code] = (this.counts.rejected[reject.code] ?? 0) + 1
  }

  /** A copy that later records do not change. */
  countsNow(): Counts {
    return {
      ...this.counts,
      rejected: { ...this.counts.rejected },
      flagged: Object.fromEntries(this.flags),
    }
  }
}

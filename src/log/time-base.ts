/**
 * The clock of a log: what "now" means for it, and how far ahead of now a record may be stamped.
 *
 * A virtual base runs `speed` times as fast as the wall clock and only while the log is open. Where
 * it stood is not stored: the engine says so when it opens the log, by the largest committed asOf.
 */
import { TidemarkError, exitCode } from '../errors.js'
import type { TimeBase } from './log.js'

/** One mad client must not poison time: records stamped further ahead than this are refused. */
const AHEAD_MAX_MS = 3_600_000

export class LogClock {
  readonly timeBase: TimeBase
  readonly #wallMs: () => number
  #startedWallMs: number
  #startedAt: number

  /** `wallMs` reads the wall clock, in ms UTC. */
  constructor(timeBase: TimeBase, wallMs: () => number) {
    this.timeBase = timeBase
    this.#wallMs = wallMs
    this.#startedWallMs = wallMs()
    this.#startedAt = timeBase.kind === 'virtual' ? timeBase.origin : 0
  }

  /** ms UTC; null where the base is `none`. */
  now(): number | null {
    if (this.timeBase.kind === 'none') return null
    if (this.timeBase.kind === 'wall') return this.#wallMs()
    const elapsedMs = this.#wallMs() - this.#startedWallMs
    return Math.floor(this.#startedAt + elapsedMs * this.timeBase.speed)
  }

  /** Lets a virtual clock go on from `instant` (ms UTC), never back; the others do not care. */
  resumeAt(instant: number): void {
    const now = this.now()
    if (this.timeBase.kind !== 'virtual' || now === null || instant <= now) return
    this.#startedWallMs = this.#wallMs()
    this.#startedAt = instant
  }

  /** The latest timestamp (ms UTC) that a record may have now. */
  latestAllowed(): number {
    const now = this.now()
    if (now === null) return Infinity
    const speed = this.timeBase.kind === 'virtual' ? this.timeBase.speed : 1
    return now + AHEAD_MAX_MS * speed
  }
}

/** The refusal of invariant L4. */
export function tooFarAhead(topic: string, timestamp: number, clock: LogClock): TidemarkError {
  return new TidemarkError(
    'RECORD_TOO_FAR_AHEAD',
    `append to ${topic}: the record is stamped ${timestamp}, more than an hour ahead of the log, ` +
      `whose ${clock.timeBase.kind} time base shows ${clock.now()}`,
    { exit: exitCode.configuration },
  )
}

/** Whether two time bases are the same for ever. */
export function sameTimeBase(a: TimeBase, b: TimeBase): boolean {
  if (a.kind !== 'virtual' || b.kind !== 'virtual') return a.kind === b.kind
  return a.origin === b.origin && a.speed === b.speed
}

/** @example describeTimeBase({ kind: 'virtual', origin: 0, speed: 2 }) // 'virtual(0, 2)' */
export function describeTimeBase(base: TimeBase): string {
  return base.kind === 'virtual' ? `virtual(${base.origin}, ${base.speed})` : base.kind
}

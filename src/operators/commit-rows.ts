/** Which rows a commit has: of the keys that events touched, and of those whose timers are due. */
import type { Cause, FeatureRows } from '../features/rows.js'
import type { Overlay } from '../state/overlay.js'
import type { Timer, TimerCursor, Timers } from '../state/timers.js'
import type { Program } from './program.js'
import type { Progress } from './progress.js'

export interface GatherParts<S> {
  readonly program: Program<S>
  readonly overlay: Overlay<S>
  readonly timers: Timers
  readonly progress: Progress
}

/** Adds what a key owes that events touched since the last commit. */
export function readTouched<S>(
  customer: string,
  state: S,
  asOf: number,
  rows: FeatureRows,
  parts: GatherParts<S>,
): void {
  const { program, timers, progress } = parts
  const { windows } = program
  if (windows === undefined) return readRow(customer, state, 'event', asOf, rows, parts)
  const served = windows.touched(customer, state, progress.cursor, asOf, rows)
  const due = program.nextChange(state, served)
  if (timers.dueOf(customer) !== due) timers.arm(customer, due)
}

function readRow<S>(
  customer: string,
  state: S,
  cause: Cause,
  asOf: number,
  rows: FeatureRows,
  parts: GatherParts<S>,
): void {
  const row = rows.add(customer, cause)
  parts.program.read(state, asOf, rows, row)
  // Retiring is the last change that a timer tells.
  parts.timers.emitted(customer, asOf, rows.retired[row] ? Infinity : rows.validUntil[row])
}

/**
 * Serves what is due at asOf. An entry that came too early (its customer's row was renewed by an
 * event since) is armed anew: its true instant is the first change at or after the entry's own.
 */
export function serveTimers<S>(max: number, rows: FeatureRows, parts: GatherParts<S>): TimerCursor {
  const { overlay, timers, progress } = parts
  const asOf = progress.asOf
  for (let served = 0; served < max;) {
    const timer = timers.take(asOf)
    if (timer === null) return { instant: asOf, customer: null }
    const state = overlay.look(timer.customer)
    if (state === null) {
      timers.putBack(timer)
      break
    }
    progress.served = { instant: timer.due, customer: timer.customer }
    if (serveTimer(timer, state, rows, parts)) served++
  }
  return cursorBehind(asOf, parts)
}

/** Serves one that is due; false where it came too early, and is only set right. */
export function serveTimer<S>(
  timer: Timer,
  state: S,
  rows: FeatureRows,
  parts: GatherParts<S>,
): boolean {
  const { program, timers, progress } = parts
  const { asOf } = progress
  const { customer } = timer
  // Nothing else is due at that instant any more.
  if (timer.due === progress.generation?.sinceAsOf) {
    readRow(customer, state, 'rescore', asOf, rows, parts)
    return true
  }
  const due = program.nextChange(state, timer.due - 1)
  // Windows are served in the order in which they close, so that the cursor tells which have been.
  if (due > asOf || (program.windows !== undefined && due > timer.due)) {
    timers.arm(customer, due)
    return false
  }
  if (program.windows === undefined) readRow(customer, state, 'time', asOf, rows, parts)
  else {
    const served = program.windows.closed(customer, state, due, asOf, rows)
    timers.arm(customer, program.nextChange(state, served))
  }
  return true
}

function cursorBehind<S>(asOf: number, { timers, progress }: GatherParts<S>): TimerCursor {
  const next = timers.peek(asOf, 1)[0]
  if (next === undefined) return { instant: asOf, customer: null }
  // The entries before the next one have been served; of its own instant, those up to the last.
  const served = progress.served
  return served?.instant === next.due ? served : { instant: next.due - 1, customer: null }
}

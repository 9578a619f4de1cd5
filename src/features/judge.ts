/**
 * `judge`: whether a valid event is a duplicate, late, or accepted.
 *
 * J1 An id counts as seen for less than 24 h of log clock since its first sight, which a
 *    repetition does not move.
 * J2 At most 1,024 ids of a customer count; the oldest sight is forgotten first.
 * J3 A late event is remembered as seen; a duplicate changes nothing.
 */
import type { EventBody } from '../events/event.js'
import { MS_PER_DAY } from './duration.js'
import type { Verdict } from './engine.js'
import { thaw } from './ids-codec.js'
import type { Plan } from './plan.js'
import {
  addId,
  countOf,
  dropHoursBefore,
  forgetOne,
  isSeen,
  type CustomerJudged,
} from './seen-ids.js'

/** How long an event id is remembered, in ms of log clock. */
export const DUPLICATE_WITHIN_MS = MS_PER_DAY
/** How many ids of one customer are remembered. */
export const IDS_MAX = 1_024

/** Decides with the log clock that the event itself has advanced. */
export type Judge = (
  clock: number,
  judged: CustomerJudged,
  type: number,
  body: EventBody,
) => Verdict

export function judgeOf(plan: Plan): Judge {
  return (clock, judged, type, body) => {
    if (judged.frozen !== null) thaw(judged)
    const tooOld = clock - DUPLICATE_WITHIN_MS
    // Every sight of an hour that ends at most 1 ms later is too old.
    if (dropHoursBefore(judged, tooOld + 1)) judged.changed = true
    if (isSeen(judged, body.event_id, tooOld)) return 'duplicate'
    judged.changed = true
    addId(judged, body.event_id, clock)
    if (countOf(judged) - judged.forgotten > IDS_MAX) forgetOne(judged)
    if (body.occurred_at < latenessBound(plan, clock, type)) return 'late'
    judged.acceptedTypes |= 1 << type
    return 'accepted'
  }
}

/** Events of the type that occurred before this are late at the log clock; −Infinity: none is. */
export function latenessBound(plan: Plan, clock: number, type: number): number {
  const { lateness } = plan.byType[type]
  if (lateness === null) return -Infinity
  let bound = Infinity
  for (let i = 0; i < lateness.length; i++) {
    const { lengthMs, tileMs } = lateness[i] as { lengthMs: number; tileMs: number }
    const tail = Math.floor((clock - lengthMs) / tileMs) * tileMs
    if (tail < bound) bound = tail
  }
  return bound
}

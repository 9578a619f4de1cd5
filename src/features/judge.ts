/**
 * `judge`: whether a valid event is a duplicate, late, or accepted; and the ids that it remembers.
 *
 * J1 An id counts as seen for less than 24 h of log clock since its first sight, which a
 *    repetition does not move.
 * J2 At most 1,024 ids of a customer count; the oldest sight is forgotten first.
 * J3 Ids are dropped when an event is judged, and by whole hours of log clock: what is stored
 *    depends on the log alone, and an hour's ids are written once.
 */
import type { EventBody } from '../events/event.js'
import { MS_PER_DAY, MS_PER_HOUR } from './duration.js'
import type { Judged, Verdict } from './engine.js'
import type { Plan, TypePlan } from './plan.js'

/** How long an event id is remembered, in ms of log clock. */
export const DUPLICATE_WITHIN_MS = MS_PER_DAY
/** How many ids of one customer are remembered. */
export const IDS_MAX = 1_024

/** From this many ids on they are looked up in a map instead of one after the other. */
const MAP_FROM = 16

/** Ids in the order of their first sights, in arrays; the hot half of deduplication. */
export class CustomerJudged implements Judged {
  acceptedTypes = 0
  readonly ids: string[] = []
  /** Log clock at the first sight of the id at the same index. */
  readonly sights: number[] = []
  /** How many at the front are forgotten though their hour is not over (J2, J3). */
  forgotten = 0
  /** Newest sight by id, where there are many. */
  sightOf: Map<string, number> | null = null
  /** Hours that are cells of their own, as of the last encoding; see `ids-codec.ts`. */
  cells: number[] | null = null
  /** Changed since it was last encoded. */
  changed = false
}

export function judgeOf(
  plan: Plan,
): (clock: number, judged: CustomerJudged, type: number, body: EventBody) => Verdict {
  return (clock, judged, type, body) => {
    expire(judged, clock)
    if (isSeen(judged, body.event_id, clock - DUPLICATE_WITHIN_MS)) return 'duplicate'
    remember(judged, body.event_id, clock)
    if (body.occurred_at < latenessBound(plan, clock, type)) return 'late'
    judged.acceptedTypes |= 1 << type
    return 'accepted'
  }
}

/** Events of the type that occurred before this are late at the log clock; −Infinity: none is. */
export function latenessBound(plan: Plan, clock: number, type: number): number {
  const { lateness } = plan.byType[type] as TypePlan
  if (lateness === null) return -Infinity
  let bound = Infinity
  for (const { lengthMs, tileMs } of lateness) {
    const tail = Math.floor((clock - lengthMs) / tileMs) * tileMs
    if (tail < bound) bound = tail
  }
  return bound
}

/** Whether the id's first sight is later than `after`. */
function isSeen({ ids, sights, sightOf, forgotten }: CustomerJudged, id: string, after: number) {
  if (sightOf !== null) {
    const sight = sightOf.get(id)
    return sight !== undefined && sight > after
  }
  for (let i = ids.length - 1; i >= forgotten; i--) {
    if ((sights[i] as number) <= after) return false
    if (ids[i] === id) return true
  }
  return false
}

function remember(judged: CustomerJudged, id: string, clock: number): void {
  const { ids, sights } = judged
  judged.changed = true
  ids.push(id)
  sights.push(clock)
  if (judged.sightOf !== null) judged.sightOf.set(id, clock)
  else if (ids.length - judged.forgotten >= MAP_FROM) indexIds(judged)
  if (ids.length - judged.forgotten > IDS_MAX) {
    const place = judged.forgotten++
    forget(judged, place)
    const hour = hourOf(sights[place] as number)
    // The hour's last one is forgotten: the hour goes.
    if (hourOf(sights[place + 1] as number) > hour) dropFirst(judged, place + 1)
  }
}

/** Drops hours of which every id was seen too long ago. */
function expire(judged: CustomerJudged, clock: number): void {
  const { sights } = judged
  // The hour's end, exclusive, is the least sight that keeps it alive.
  const after = clock - DUPLICATE_WITHIN_MS
  if (sights.length === 0 || hourEnd(sights[0] as number) > after + 1) return
  let count = 1
  while (count < sights.length && hourEnd(sights[count] as number) <= after + 1) count++
  for (let i = judged.forgotten; i < count; i++) forget(judged, i)
  dropFirst(judged, count)
  judged.changed = true
  if (sights.length < MAP_FROM) judged.sightOf = null
}

/** Takes the id at `place` out of the map, unless it has been seen again since. */
function forget({ ids, sights, sightOf }: CustomerJudged, place: number): void {
  const id = ids[place] as string
  if (sightOf !== null && sightOf.get(id) === sights[place]) sightOf.delete(id)
}

function dropFirst(judged: CustomerJudged, count: number): void {
  judged.ids.splice(0, count)
  judged.sights.splice(0, count)
  judged.forgotten = Math.max(0, judged.forgotten - count)
}

/** Makes the map of a customer with many ids. */
export function indexIds(judged: CustomerJudged): void {
  judged.sightOf = new Map()
  for (let i = judged.forgotten; i < judged.ids.length; i++) {
    judged.sightOf.set(judged.ids[i] as string, judged.sights[i] as number)
  }
}

/** Whether a customer has so many ids that decoding should index them. */
export function hasManyIds({ ids, forgotten }: CustomerJudged): boolean {
  return ids.length - forgotten >= MAP_FROM
}

/** @example hourOf(7_200_001) // 2 */
export function hourOf(sight: number): number {
  return Math.floor(sight / MS_PER_HOUR)
}

function hourEnd(sight: number): number {
  return (hourOf(sight) + 1) * MS_PER_HOUR
}

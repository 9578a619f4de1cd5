/**
 * The ids of a customer's events in the order of their first sights: the hot half of deduplication.
 *
 * I1 Ids leave from the front only, and by whole hours of log clock: what is kept depends on the
 *    log alone, and an hour's ids are written once.
 * I2 Of the hour at the front, as many ids as `forgotten` says count no more.
 */
import { MS_PER_HOUR } from './duration.js'
import type { Judged } from './engine.js'

/** From this many ids on they are looked up in a set before one after the other. */
const INDEX_FROM = 16

/** Sights of more hours would be no small integers (31 bits) any more. */
const HOURS_MAX = 240

/** Few and flat, for they are looked at at random among a hundred thousand customers. */
export class CustomerJudged implements Judged {
  acceptedTypes = 0
  /** The hour of log clock (since 1970) from which the sights count. */
  hour = 0
  /** An id, its sight in ms from the beginning of `hour` (a small integer), and so on. */
  seen: (string | number)[] = NONE
  forgotten = 0
  /** The ids, where there are many; and how many of them stand in `seen` twice. */
  index: Set<string> | null = null
  repeated = 0
  /** Of what `seen` is made when an event is judged; see `ids-codec.ts`. */
  frozen: FrozenIds | null = null
  /** Hours that are cells of their own, as of the last encoding. */
  cells: readonly number[] | null = null
  /** Changed since it was last encoded. */
  changed = false
}

/** Ids as bytes: cells of hours, and a part of the root. */
export interface FrozenIds {
  readonly cells: readonly Uint8Array[]
  readonly root: Uint8Array
  readonly from: number
  readonly to: number
}

const NONE: never[] = []

export function countOf({ seen }: CustomerJudged): number {
  return seen.length >> 1
}

/** The hour of log clock in which the id at `place` was first seen. */
export function hourAt({ hour, seen }: CustomerJudged, place: number): number {
  return hour + Math.floor((seen[2 * place + 1] as number) / MS_PER_HOUR)
}

/** Log clock at the first sight of the id at `place`. */
export function sightAt({ hour, seen }: CustomerJudged, place: number): number {
  return hour * MS_PER_HOUR + (seen[2 * place + 1] as number)
}

/** Whether the id's first sight is later than `after`. */
export function isSeen(judged: CustomerJudged, id: string, after: number): boolean {
  const { seen, index, forgotten } = judged
  if (index !== null && !index.has(id)) return false
  const afterHere = after - judged.hour * MS_PER_HOUR
  for (let place = (seen.length >> 1) - 1; place >= forgotten; place--) {
    if ((seen[2 * place + 1] as number) <= afterHere) return false
    if (seen[2 * place] === id) return true
  }
  return false
}

/** Puts an id at the end. */
export function addId(judged: CustomerJudged, id: string, sight: number): void {
  if (judged.seen.length === 0) {
    judged.hour = Math.floor(sight / MS_PER_HOUR)
    judged.seen = [id, sight - judged.hour * MS_PER_HOUR]
    return
  }
  judged.seen.push(id, sight - judged.hour * MS_PER_HOUR)
  if (judged.index === null) {
    if (countOf(judged) - judged.forgotten >= INDEX_FROM) indexIds(judged)
  } else if (judged.index.has(id)) judged.repeated++
  else judged.index.add(id)
}

/** Forgets the oldest id that counts. */
export function forgetOne(judged: CustomerJudged): void {
  const place = judged.forgotten++
  unindex(judged, place)
  // Was it the last one of its hour, the hour goes.
  if (hourAt(judged, place + 1) > hourAt(judged, place)) drop(judged, place + 1)
}

/** Drops hours that are over at `instant`: it is not before their end. */
export function dropHoursBefore(judged: CustomerJudged, instant: number): boolean {
  const count = countOf(judged)
  if (count === 0 || hourEndsAt(judged, 0) > instant) return false
  let gone = 1
  while (gone < count && hourEndsAt(judged, gone) <= instant) gone++
  for (let place = judged.forgotten; place < gone; place++) unindex(judged, place)
  drop(judged, gone)
  return true
}

function hourEndsAt(judged: CustomerJudged, place: number): number {
  return (hourAt(judged, place) + 1) * MS_PER_HOUR
}

function drop(judged: CustomerJudged, gone: number): void {
  const { seen } = judged
  judged.forgotten = Math.max(0, judged.forgotten - gone)
  if (2 * gone === seen.length) {
    judged.seen = NONE
    judged.index = null
    judged.repeated = 0
    return
  }
  for (let i = 2 * gone; i < seen.length; i++) seen[i - 2 * gone] = seen[i]
  seen.length -= 2 * gone
  // The sights count from an hour not long ago, so that they stay small integers.
  const hours = hourAt(judged, 0) - judged.hour
  if (hours < HOURS_MAX) return
  judged.hour += hours
  for (let i = 1; i < seen.length; i += 2) seen[i] = (seen[i] as number) - hours * MS_PER_HOUR
}

/** Takes the id at `place` out of the index, unless it was seen again later. */
function unindex(judged: CustomerJudged, place: number): void {
  const { seen, index } = judged
  if (index === null) return
  const id = seen[2 * place] as string
  if (judged.repeated > 0 && seen.lastIndexOf(id) > 2 * place) judged.repeated--
  else index.delete(id)
}

/** Makes the index of a customer with many ids. */
export function indexIds(judged: CustomerJudged): void {
  const { seen } = judged
  const count = countOf(judged) - judged.forgotten
  if (count < INDEX_FROM) return
  judged.index = new Set()
  for (let i = 2 * judged.forgotten; i < seen.length; i += 2) judged.index.add(seen[i] as string)
  judged.repeated = count - judged.index.size
}

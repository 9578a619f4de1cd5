/**
 * When in a day people come: a share for each local hour, evening over night, weekends over weekdays.
 *
 * Owns the clock of activity: `activity(t)` grows by about 1 a day, fast in the evening and slowly
 * at night, so that visits at a steady rate of it follow the rhythm.
 */
const HOUR = 3_600_000
const DAY = 24 * HOUR

/** Share of a day's visits that begin in each local hour. */
const HOURS = [
  1.2, 0.7, 0.4, 0.3, 0.3, 0.5, 1.2, 2.2, 2.6, 2.4, 2.5, 2.9, 3.8, 3.9, 3.4, 3.5, 4.1, 5.4, 7.2,
  9.6, 11.2, 10.8, 7.9, 4.0,
]
/** Sunday first; the mean is 1. */
const WEEKDAYS = [1.36, 0.82, 0.82, 0.86, 0.88, 1.0, 1.26]

/** `before[h]`: share of the day that lies before local hour h. */
const total = HOURS.reduce((sum, share) => sum + share, 0)
const before = [0]
for (const share of HOURS) before.push(before.at(-1)! + share / total)

/** Offset of a country's clock in ms. The hour of summer time is left out: nobody would see it. */
export const zones: readonly { readonly location: string; readonly offsetMs: number }[] = [
  { location: 'DE', offsetMs: HOUR },
  { location: 'FR', offsetMs: HOUR },
  { location: 'GB', offsetMs: 0 },
  { location: 'US', offsetMs: -6 * HOUR },
  { location: 'BR', offsetMs: -3 * HOUR },
  { location: 'IN', offsetMs: 5.5 * HOUR },
  { location: 'JP', offsetMs: 9 * HOUR },
]
export const zoneShares = [0.34, 0.14, 0.18, 0.16, 0.08, 0.06, 0.04]

/** Share of the local day that has passed, by the rhythm; whole days count 1. */
function dayShare(localMs: number): number {
  const day = Math.floor(localMs / DAY)
  const hours = (localMs - day * DAY) / HOUR
  const hour = Math.floor(hours)
  return day + before[hour] + (before[hour + 1] - before[hour]) * (hours - hour)
}

/** A step of time as the people of one zone live it. */
export interface Span {
  /** How much of a mean day's activity falls into the step. */
  readonly activity: number
  /** The instant at which the share `part` (0 to 1) of the step's activity has passed. */
  readonly at: (part: number) => number
}

/** The step [fromMs, toMs), at most a day, in a zone; its middle tells the weekday. */
export function spanOf(fromMs: number, toMs: number, offsetMs: number): Span {
  const start = dayShare(fromMs + offsetMs)
  const share = dayShare(toMs + offsetMs) - start
  const middle = (fromMs + toMs) / 2 + offsetMs
  // 1970-01-01 was a Thursday.
  const weekday = (Math.floor(middle / DAY) + 4) % 7
  return {
    activity: share * WEEKDAYS[weekday],
    at: (part) => {
      const point = start + share * part
      const day = Math.floor(point)
      let hour = 0
      while (hour < 23 && before[hour + 1] <= point - day) hour++
      const within = (point - day - before[hour]) / (before[hour + 1] - before[hour])
      const local = day * DAY + (hour + within) * HOUR
      return Math.max(fromMs, Math.min(Math.floor(local - offsetMs), toMs - 1))
    },
  }
}

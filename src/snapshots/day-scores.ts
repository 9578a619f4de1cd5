/**
 * The last score of each of a customer's newest days with one, oldest first: what tells how far his
 * risk has moved without reading his history. Flat pairs of a day (whole days since 1970 UTC) and a
 * probability; a hundred thousand customers have theirs in memory.
 */
export type DayScores = readonly number[]

/** Days kept: with three, the score before the start of yesterday is among them. */
const DAYS_MAX = 3
const DAY_MS = 86_400_000

export const noScores: DayScores = []

/** @example dayOf(Date.parse('1970-01-02T00:00Z')) // 1 */
export function dayOf(instant: number): number {
  return Math.floor(instant / DAY_MS)
}

export function startOfDay(day: number): number {
  return day * DAY_MS
}

/**
 * The scores with one more, which is the newest: scores of a partition come in order of time. One of an
 * earlier day than the last changes nothing, and neither does NaN, which is no score.
 *
 * @example withScore([19000, 0.5], 19001, 0.75) // [19000, 0.5, 19001, 0.75]
 */
export function withScore(scores: DayScores, day: number, probability: number): DayScores {
  if (Number.isNaN(probability)) return scores
  const last = scores.length - 2
  if (last >= 0 && scores[last] > day) return scores
  const kept = last >= 0 && scores[last] === day ? scores.slice(0, last) : scores.slice()
  const all = [...kept, day, probability]
  return all.length > 2 * DAYS_MAX ? all.slice(-2 * DAYS_MAX) : all
}

/** The scores with those of later days, one by one. */
export function withScores(scores: DayScores, later: DayScores): DayScores {
  let all = scores
  for (let at = 0; at < later.length; at += 2) all = withScore(all, later[at], later[at + 1])
  return all
}

/** The score in force when the day began; NaN where none is known. Of those from `from` to `to`. */
export function scoreBefore(
  scores: ArrayLike<number>,
  day: number,
  from = 0,
  to = scores.length,
): number {
  for (let at = to - 2; at >= from; at -= 2) if (scores[at] < day) return scores[at + 1]
  return NaN
}

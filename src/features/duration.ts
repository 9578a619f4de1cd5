/**
 * Lengths of time in declarations, and the tiles that windows are made of.
 *
 * Months and years are not durations: their length depends on where one stands.
 */
import { configurationError } from '../errors.js'
import type { WindowSpec } from './spec.js'

/** A whole number and a unit: `90m`, `24h`, `7d`, `1ms`. */
export type Duration = `${number}${'ms' | 's' | 'm' | 'h' | 'd'}`

export const MS_PER_DAY = 86_400_000
export const MS_PER_HOUR = 3_600_000

const UNIT_MS = new Map([
  ['ms', 1],
  ['s', 1_000],
  ['m', 60_000],
  ['h', MS_PER_HOUR],
  ['d', MS_PER_DAY],
])

/** Longer ones are taken for a slip: nobody's log is a century old. */
const DURATION_MAX_MS = 36_525 * MS_PER_DAY

/** Default tile sizes, largest first. */
const TILES_MS = [MS_PER_DAY, MS_PER_HOUR, 60_000, 1_000, 1]

/** A window is made of at least this many tiles, so it is never more than 1/24 too long. */
const TILES_PER_WINDOW_MIN = 24

/**
 * Milliseconds of a duration.
 *
 * @throws `DURATION_INVALID` for anything but digits and one of ms, s, m, h, d; zero is allowed.
 * @example parseDuration('90m') // 5400000
 */
export function parseDuration(text: string): number {
  const match = /^(0|[1-9]\d*)([a-z]+)$/.exec(text)
  const unit = match === null ? undefined : UNIT_MS.get(match[2])
  if (match === null || unit === undefined) {
    throw configurationError(
      'DURATION_INVALID',
      `duration ${JSON.stringify(text)}: due is a whole number and one of ms, s, m, h, d, ` +
        'such as 90m or 7d; months and years are not durations (6 months is 180d, a year 365d)',
    )
  }
  const ms = Number(match[1]) * unit
  if (ms > DURATION_MAX_MS) {
    throw configurationError('DURATION_INVALID', `duration ${text} is longer than 36525d`)
  }
  return ms
}

/** The tile size of a window of `lengthMs` whose declaration names none. */
export function defaultTileMs(lengthMs: number): number {
  for (const tileMs of TILES_MS) {
    if (lengthMs % tileMs === 0 && tileMs * TILES_PER_WINDOW_MIN <= lengthMs) return tileMs
  }
  return 1
}

/**
 * A window from its durations; without `tile` the largest of 1 d, 1 h, 1 min, 1 s, 1 ms that
 * divides the length and is at most 1/24 of it.
 *
 * @throws `DURATION_INVALID`, `WINDOW_INVALID` (no length, or a tile that does not divide it)
 * @example windowOf('7d') // { lengthMs: 604800000, tileMs: 3600000 }
 */
export function windowOf(length: string, tile?: string): WindowSpec {
  const lengthMs = parseDuration(length)
  const tileMs = tile === undefined ? defaultTileMs(lengthMs) : parseDuration(tile)
  const problem = windowProblem({ lengthMs, tileMs })
  if (problem !== null) throw configurationError('WINDOW_INVALID', `window ${length}: ${problem}`)
  return { lengthMs, tileMs }
}

/** What is wrong with a window, or null. */
export function windowProblem({ lengthMs, tileMs }: WindowSpec): string | null {
  if (!Number.isSafeInteger(lengthMs) || lengthMs < 1) return 'its length must be above 0 ms'
  if (!Number.isSafeInteger(tileMs) || tileMs < 1) return 'its tile must be above 0 ms'
  if (lengthMs % tileMs !== 0) return `its tile of ${tileMs} ms does not divide ${lengthMs} ms`
  return null
}

/** Cut-offs of a training set: FROM..TO/STEP, both ends included. */
import { configurationError, usageError } from '../errors.js'
import { parseDuration } from '../features/duration.js'

/** More cut-offs than this are taken for a slip in the step. */
const cutoffsMax = 10_000

/**
 * The instants (ms UTC, ascending) of `2011-03-01..2011-10-10/7d`. Instants are dates or ISO 8601
 * times; without a zone they are UTC. A single instant needs no step.
 *
 * Raises `CUTOFFS_INVALID` (exit 2).
 *
 * @example parseCutoffs('2011-03-01..2011-03-03/1d').length // 3
 */
export function parseCutoffs(text: string): number[] {
  const match = /^([^/]+?)(?:\.\.([^/]+)\/(\w+))?$/.exec(text)
  if (match === null) throw invalid(text, 'due is FROM..TO/STEP, such as 2011-03-01..2011-10-10/7d')
  const from = instantOf(text, match[1])
  if (match[2] === undefined) return [from]
  const to = instantOf(text, match[2])
  const step = stepOf(text, match[3])
  if (from > to) throw invalid(text, 'FROM is after TO')
  if ((to - from) / step >= cutoffsMax) {
    throw invalid(text, `these are more than ${cutoffsMax} cut-offs`)
  }
  const instants: number[] = []
  for (let instant = from; instant <= to; instant += step) instants.push(instant)
  // TO is included also where the steps do not come to it.
  if (instants.at(-1) !== to) instants.push(to)
  return instants
}

function instantOf(text: string, instant: string): number {
  const ms = parseInstant(instant)
  if (ms !== null) return ms
  throw invalid(text, `${instant} is no instant; due is 2011-03-01 or 2011-03-01T12:00Z`)
}

/**
 * A date or an ISO 8601 time in ms UTC, which it is in without a zone; null where it is neither.
 *
 * @example parseInstant('2011-03-01') // 1298937600000
 */
export function parseInstant(instant: string): number | null {
  const form = /^(\d{4}-\d\d-\d\d)(T\d\d:\d\d(?::\d\d(?:\.\d{1,3})?)?)?(Z|[+-]\d\d:\d\d)?$/
  const [, day = '', time = 'T00:00', zone = 'Z'] = form.exec(instant) ?? []
  const midnight = Date.parse(`${day}T00:00Z`)
  // JavaScript takes 30 February for 1 March.
  const exists = !Number.isNaN(midnight) && new Date(midnight).toISOString().startsWith(day)
  const ms = exists ? Date.parse(`${day}${time}${zone}`) : NaN
  return Number.isNaN(ms) ? null : ms
}

function stepOf(text: string, step: string): number {
  let ms = 0
  try {
    ms = parseDuration(step)
  } catch (error) {
    throw invalid(text, (error as Error).message)
  }
  if (ms === 0) throw invalid(text, 'the step is 0')
  return ms
}

function invalid(text: string, why: string): Error {
  return usageError('CUTOFFS_INVALID', `cut-offs ${text}: ${why}`)
}

/** Raises `CUTOFFS_RANGE` (exit 78) where the log does not reach from the first to the last. */
export function checkRange(instants: readonly number[], begins: number, ends: number): void {
  const [first, last] = [instants[0], instants[instants.length - 1]]
  if (begins === Infinity) throw configurationError('CUTOFFS_RANGE', 'the log has no records')
  const available = `the log has ${iso(begins)} to ${iso(ends)}`
  if (first < begins) {
    throw configurationError(
      'CUTOFFS_RANGE',
      `${iso(first)} is before the log begins; ${available}`,
    )
  }
  if (last > ends) {
    throw configurationError('CUTOFFS_RANGE', `${iso(last)} is in the future; ${available}`)
  }
}

const iso = (ms: number): string => new Date(ms).toISOString()

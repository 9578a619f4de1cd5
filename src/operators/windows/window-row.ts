import type { FeatureRows } from '../../features/rows.js'
import { atOnce } from '../events.js'
import type { NamedFold } from './fold.js'

/** One window of a key, to be told. */
export interface ToldWindow {
  /** What the row is called; a key's windows have rows of their own, a sliding one has one. */
  readonly name: string
  readonly key: string
  readonly start: number
  /** Exclusive; Infinity: it has none. */
  readonly end: number
  readonly accumulators: readonly unknown[]
  readonly cause: 'event' | 'time'
  readonly isFinal: boolean
  readonly validUntil: number
}

/** @example windowedKey('home', 3600000) // 'home@3600000' */
export const windowedKey = (key: string, start: number): string => `${key}@${start}`

/** Of all texts of a row in UTF-8, its key left out: with more it would be no record any more. */
export const rowTextBytesMax = 900_000

/** Adds a row: key, start and end of the window, then the values in declared order. */
export function addWindowRow(
  rows: FeatureRows,
  told: ToldWindow,
  folds: readonly NamedFold[],
): void {
  const row = rows.add(told.name, told.cause)
  let number = row * rows.numericCount
  let text = row * rows.stringCount
  rows.strings[text++] = told.key
  rows.numbers[number++] = told.start
  rows.numbers[number++] = finiteOr(told.end)
  let bytesLeft = rowTextBytesMax
  for (const [i, { fold }] of folds.entries()) {
    const value = resultOf(fold, told.accumulators[i])
    if (fold.type === 'string') {
      const bytes = typeof value === 'string' ? Buffer.byteLength(value, 'utf8') : Infinity
      rows.strings[text++] = bytes <= bytesLeft ? (value as string) : null
      if (bytes <= bytesLeft) bytesLeft -= bytes
    } else rows.numbers[number++] = fold.type === 'long' ? wholeOr(value) : finiteOr(value)
  }
  rows.validUntil[row] = told.validUntil
  rows.retired[row] = told.isFinal
  rows.eligible[row] = true
}

/** In place of an accumulator: tiles of which it should be made could not be merged. */
const unmerged = Symbol('unmerged')

/** The tiles of a sliding window, merged for a row alone: no record is to blame where that throws. */
export function mergedTiles(
  folds: readonly NamedFold[],
  earlier: readonly unknown[],
  later: readonly unknown[],
): unknown[] {
  return folds.map(({ fold }, i) => {
    if (earlier[i] === unmerged) return unmerged
    try {
      return atOnce(fold.merge(earlier[i], later[i]))
    } catch {
      return unmerged
    }
  })
}

/** No record is to blame where a result throws: there is no value then. */
function resultOf(fold: NamedFold['fold'], accumulator: unknown): unknown {
  if (accumulator === unmerged) return null
  try {
    return atOnce(fold.result(accumulator))
  } catch {
    // Telling nothing but null is what is documented of `Fold.result`.
    return null
  }
}

const finiteOr = (value: unknown): number => (Number.isFinite(value) ? (value as number) + 0 : NaN)
const wholeOr = (value: unknown): number =>
  Number.isSafeInteger(value) ? (value as number) + 0 : NaN

/** Reading what windows and slots hold: rounded once, and null (NaN) where it is no finite number. */
import type { CustomerAggregates } from './aggregates.js'
import { roundBig, SQUARE_SCALE, SUM_SCALE } from './exact-big.js'
import type { RunningColumn, RunningWindow } from './plan.js'
import { bigSlot } from './slots.js'
import { bigComponents, bigTotal, placeBig } from './tiles.js'

/** The number itself (−0 as 0), or NaN where it is not finite. */
export function finite(value: number): number {
  return value - value === 0 ? value + 0 : Number.NaN
}

/** A window's sum, rounded once; ±Infinity beyond the largest double. */
export function windowSum(
  state: CustomerAggregates,
  window: RunningWindow,
  column: RunningColumn,
): number {
  const sum = state.numbers[column.at]
  return Number.isNaN(sum) ? roundBig(windowTotal(state, window, column), 1n, -SUM_SCALE) : sum
}

/** A window's exact total of values or squares. */
export function windowTotal(
  state: CustomerAggregates,
  window: RunningWindow,
  { kind, from, at }: RunningColumn,
): bigint {
  const squares = kind === 'squares'
  const { numbers } = state
  if (!Number.isNaN(numbers[at])) return bigComponents(numbers, at, squares)
  const { series, base } = window
  const rows = state.series[series.index] as number[]
  let total = 0n
  for (let row = numbers[base]; row < rows.length; row += series.stride) {
    total += bigTotal(state, series, row, from, squares)
  }
  // Fast again from now on, if the doubles can hold it.
  placeBig(numbers, at, total, squares)
  return total
}

/** The sum in a slot, rounded once; ±Infinity beyond the largest double. */
export function slotSum(state: CustomerAggregates, at: number): number {
  const sum = state.numbers[at]
  return Number.isNaN(sum) ? roundBig(bigSlot(state, at, false), 1n, -SUM_SCALE) : sum
}

/**
 * The standard deviation of a sample: the variance (n·Σx² − (Σx)²) / (n·(n − 1)) as one exact
 * fraction, rounded once, and its root. NaN below two values.
 */
export function deviation(count: number, sum: bigint, squares: bigint): number {
  if (count < 2) return Number.NaN
  const n = BigInt(count)
  const variance = roundBig(n * squares - sum * sum, n * (n - 1n), -SQUARE_SCALE)
  return finite(Math.sqrt(variance))
}

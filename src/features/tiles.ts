/** Rows of a series: finding a tile's, adding to its columns, dropping the oldest. */
import { Extras, type CustomerAggregates } from './aggregates.js'
import { bigOf, bigSquareOf, componentsOf, SQUARE_SCALE, SUM_SCALE } from './exact-big.js'
import { addSquare, addToSum, SQUARES_WIDTH, SUM_WIDTH } from './exact-sum.js'
import type { Extracted } from './extract.js'
import type { SeriesPlan } from './plan.js'
import { INLINE_ROWS_MAX } from './series-blocks.js'

/**
 * The place in `rows` of the first row whose tile is at least `tile`; their length where none is.
 * A row's place is the index of its tile.
 */
export function placeOf(rows: readonly number[], stride: number, tile: number): number {
  // Nearly all events are of the newest tile or behind it.
  const last = rows.length - stride
  if (last < 0 || rows[last] < tile) return rows.length
  if (last === 0 || rows[last - stride] < tile) return last
  let low = 0
  let high = last / stride - 1
  while (low < high) {
    const middle = (low + high) >>> 1
    if (rows[middle * stride] < tile) low = middle + 1
    else high = middle
  }
  return low * stride
}

/** Opens an empty row for a tile at `place`, moving later rows up. */
export function insertRow(
  rows: number[],
  { stride, emptyRow }: SeriesPlan,
  place: number,
  tile: number,
): void {
  const end = rows.length
  for (let i = 0; i < stride; i++) rows.push(emptyRow[i])
  if (place < end) {
    for (let i = end - 1; i >= place; i--) rows[i + stride] = rows[i]
    for (let i = 1; i < stride; i++) rows[place + i] = emptyRow[i]
  }
  rows[place] = tile
}

/** A new array of empty rows, with just the room that they take. */
export function emptyRows({ emptyRow, emptyRows: made }: SeriesPlan, count: number): number[] {
  const known = made[count] as readonly number[] | undefined
  if (known !== undefined) return known.slice()
  const rows = emptyRow.slice()
  for (let i = 1; i < count; i++) rows.push(...emptyRow)
  // Those of the root are few; longer ones are rare.
  if (count <= INLINE_ROWS_MAX) made[count] = rows.slice()
  return rows
}

/** Whether an event counts for any column of the series. */
export function counts({ columns }: SeriesPlan, { hits }: Extracted): boolean {
  for (let i = 0; i < columns.length; i++) {
    if (hits[columns[i].source.index] === 1) return true
  }
  return false
}

/** Adds what an event brought to the columns of the row at `row`. */
export function addToRow(
  state: CustomerAggregates,
  plan: SeriesPlan,
  rows: number[],
  row: number,
  { hits, numbers }: Extracted,
): void {
  for (let i = 0; i < plan.columns.length; i++) {
    const { kind, source, at } = plan.columns[i]
    if (hits[source.index] === 0) continue
    const place = row + at
    if (kind === 'count') {
      rows[place] = rows[place] + 1
      continue
    }
    const value = numbers[source.index]
    switch (kind) {
      case 'sum':
        if (!addToSum(rows, place, value)) addBig(state, plan, rows, row, at, value, false)
        break
      case 'squares':
        if (!addSquare(rows, place, value)) addBig(state, plan, rows, row, at, value, true)
        break
      case 'min':
        // Not-a-number, where there is none yet, is not below or above anything.
        if (!(rows[place] <= value)) rows[place] = value
        break
      case 'max':
        if (!(rows[place] >= value)) rows[place] = value
        break
    }
  }
}

/** The total of a sum or sum of squares in the row at `row`, in units of 2^-1074 or 2^-2148. */
export function bigTotal(
  state: CustomerAggregates,
  plan: SeriesPlan,
  row: number,
  at: number,
  squares: boolean,
): bigint {
  const rows = state.series[plan.index] as number[]
  if (!Number.isNaN(rows[row + at])) return bigComponents(rows, row + at, squares)
  return state.extras?.rows[plan.index]?.get(bigKey(plan, rows, row, at)) ?? 0n
}

/** The exact total of the components at `place`. */
export function bigComponents(values: readonly number[], place: number, squares: boolean): bigint {
  const scale = squares ? SQUARE_SCALE : SUM_SCALE
  let total = 0n
  for (let i = 0; i < (squares ? SQUARES_WIDTH : SUM_WIDTH); i++) {
    total += bigOf(values[place + i], scale)
  }
  return total
}

/** Writes a total as components at `place` where they can hold it; else NaN, and false. */
export function placeBig(
  values: number[],
  place: number,
  total: bigint,
  squares: boolean,
): boolean {
  const width = squares ? SQUARES_WIDTH : SUM_WIDTH
  const components = componentsOf(total, squares ? SQUARE_SCALE : SUM_SCALE, width)
  for (let i = 0; i < width; i++) values[place + i] = components?.[i] ?? (i === 0 ? NaN : 0)
  return components !== null
}

function addBig(
  state: CustomerAggregates,
  plan: SeriesPlan,
  rows: number[],
  row: number,
  at: number,
  value: number,
  squares: boolean,
): void {
  const added = squares ? bigSquareOf(value) : bigOf(value, SUM_SCALE)
  const total = bigTotal(state, plan, row, at, squares) + added
  const key = bigKey(plan, rows, row, at)
  if (placeBig(rows, row + at, total, squares)) {
    state.extras?.rows[plan.index]?.delete(key)
  } else keepBig(state, plan, key, total)
}

export function keepBig(
  state: CustomerAggregates,
  plan: SeriesPlan,
  key: number,
  total: bigint,
): void {
  const extras = (state.extras ??= new Extras())
  const bigs = (extras.rows[plan.index] ??= new Map<number, bigint>())
  bigs.set(key, total)
}

export function bigKey(plan: SeriesPlan, rows: readonly number[], row: number, at: number): number {
  return rows[row] * plan.stride + at
}

/** Drops the rows before the place `gone`. */
export function dropRows(
  state: CustomerAggregates,
  plan: SeriesPlan,
  rows: number[],
  gone: number,
): void {
  const bigs = state.extras?.rows[plan.index]
  if (bigs !== undefined) {
    const from = (rows[gone] ?? Infinity) * plan.stride
    for (const key of bigs.keys()) if (key < from) bigs.delete(key)
  }
  // A block that is a cell may lose a part of its rows only, and grow long again in one commit.
  if (gone < rows.length && state.extras?.cells[plan.index] !== undefined) {
    ;(state.extras.touched[plan.index] ??= []).push(rows[gone])
  }
  for (let i = gone; i < rows.length; i++) rows[i - gone] = rows[i]
  rows.length -= gone
}

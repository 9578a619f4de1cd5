/**
 * Running values of windows. At an instant later than all events a window is a suffix of its
 * series: rows enter at the end with events and leave at the front with time. Sums are exact, so
 * what was added can be taken away again without a trace, and serving a timer costs a comparison.
 *
 * Owns the windows' part of a customer's numbers: from `base` on the cursor (the place of the
 * first row that is in the window and not empty for its columns), the instant from which this holds, the instant at
 * which the cursor's row leaves (Infinity: none); and `HEAD.exit` and `HEAD.from` over all windows.
 * Does not own the rows.
 *
 * R1 From `base + 1` (inclusive) to `base + 2` (exclusive) the values are those of the window.
 * R2 `base + 2` depends on the rows only, never on what was read before: it goes into outputs.
 * R3 It is a cache: nothing of it is stored, and dropping it changes no output.
 */
import type { CustomerAggregates } from './aggregates.js'
import { addSquare, addSquares, addToSum } from './exact-sum.js'
import type { Extracted } from './extract.js'
import { HEAD, type Plan, type RunningColumn, type RunningWindow, type SeriesPlan } from './plan.js'
import { placeOf } from './tiles.js'

/** Brings all windows to `asOf`. */
export function advanceWindows(
  { windows }: Plan,
  { series, numbers }: CustomerAggregates,
  asOf: number,
): void {
  // Not made yet (NaN) is not at or before asOf either.
  const made = numbers[HEAD.from] >= -Infinity
  let exit = Infinity
  let from = -Infinity
  for (let i = 0; i < windows.length; i++) {
    const window = windows[i]
    const { base } = window
    const rows = series[window.series.index]
    if (rows !== null) {
      if (!made || asOf < numbers[base + 1]) reset(window, rows, numbers, asOf)
      else if (asOf >= numbers[base + 2]) advance(window, rows, numbers, asOf)
    }
    if (numbers[base + 2] < exit) exit = numbers[base + 2]
    if (numbers[base + 1] > from) from = numbers[base + 1]
  }
  numbers[HEAD.exit] = exit
  numbers[HEAD.from] = from
}

/** Lets an event that was added to the row at `row` (a new one: `inserted`) into the windows that reach it. */
export function addToWindows(
  plan: SeriesPlan,
  rows: readonly number[],
  numbers: number[],
  row: number,
  inserted: boolean,
  extracted: Extracted,
): void {
  const end = (rows[row] + 1) * plan.tileMs
  for (let i = 0; i < plan.windows.length; i++) {
    const window = plan.windows[i]
    const { base, columns } = window
    const cursor = numbers[base]
    if (end + window.lengthMs <= numbers[base + 1]) {
      if (inserted) numbers[base] = cursor + plan.stride
      continue
    }
    for (let c = 0; c < columns.length; c++) {
      addEvent(columns[c], extracted, numbers)
    }
    if (row <= cursor) seek(window, rows, numbers, row)
  }
}

/** Makes the windows of a series forget the rows before `gone`, which leave them all at `asOf`. */
export function dropFromWindows(
  { windows }: SeriesPlan,
  rows: readonly number[],
  numbers: number[],
  gone: number,
  asOf: number,
): void {
  for (const window of windows) {
    advance(window, rows, numbers, asOf)
    numbers[window.base] = numbers[window.base] - gone
  }
}

function reset(
  window: RunningWindow,
  rows: readonly number[],
  numbers: number[],
  asOf: number,
): void {
  const { base, columns, lengthMs } = window
  const { stride, tileMs } = window.series
  for (let c = 0; c < columns.length; c++) {
    const { at, width, empty } = columns[c]
    for (let i = 0; i < width; i++) numbers[at + i] = empty
  }
  const start = placeOf(rows, stride, Math.floor((asOf - lengthMs) / tileMs))
  const before = start === 0 ? -Infinity : rows[start - stride]
  numbers[base + 1] = (before + 1) * tileMs + lengthMs
  seek(window, rows, numbers, start)
  for (let at = numbers[base]; at < rows.length; at += stride) {
    for (let c = 0; c < columns.length; c++) {
      addColumn(columns[c], rows, at, numbers)
    }
  }
}

/** Puts the cursor on the first row from `from` on that is not empty for the window's columns. */
function seek(
  window: RunningWindow,
  rows: readonly number[],
  numbers: number[],
  from: number,
): void {
  const { base, series, lengthMs } = window
  let place = from
  while (place < rows.length && isEmpty(window, rows, place)) place += series.stride
  numbers[base] = place
  numbers[base + 2] = place < rows.length ? (rows[place] + 1) * series.tileMs + lengthMs : Infinity
}

function isEmpty({ columns }: RunningWindow, rows: readonly number[], place: number): boolean {
  for (let i = 0; i < columns.length; i++) {
    const { from, empty } = columns[i]
    const value = rows[place + from]
    // Of a sum that is too big for its doubles the first one is NaN, of an empty minimum too.
    if (empty === 0 ? value !== 0 : !Number.isNaN(value)) return false
  }
  return true
}

function advance(
  window: RunningWindow,
  rows: readonly number[],
  numbers: number[],
  asOf: number,
): void {
  const { base, columns, series } = window
  let extremes = false
  while (asOf >= numbers[base + 2]) {
    const row = numbers[base]
    for (let i = 0; i < columns.length; i++) {
      if (takeColumn(columns[i], rows, row, numbers)) extremes = true
    }
    numbers[base + 1] = numbers[base + 2]
    seek(window, rows, numbers, row + series.stride)
  }
  if (extremes) rescanExtremes(window, rows, numbers)
}

function addColumn(
  { kind, from, at }: RunningColumn,
  rows: readonly number[],
  place: number,
  numbers: number[],
): void {
  const value = rows[place + from]
  switch (kind) {
    case 'count':
      numbers[at] = numbers[at] + value
      break
    case 'sum':
      // A total that does not fit is NaN until `windowTotal` of `totals.ts` finds that it does.
      if (!addToSum(numbers, at, value) || !addToSum(numbers, at, rows[place + from + 1])) {
        numbers[at] = NaN
      }
      break
    case 'squares':
      if (!addSquares(numbers, at, rows, place + from, 1)) numbers[at] = NaN
      break
    case 'min':
    case 'max':
      addExtreme(kind, value, numbers, at)
  }
}

/** True where the value that left was the window's extreme. */
function takeColumn(
  { kind, from, at }: RunningColumn,
  rows: readonly number[],
  place: number,
  numbers: number[],
): boolean {
  const value = rows[place + from]
  switch (kind) {
    case 'count':
      numbers[at] = numbers[at] - value
      return false
    case 'sum':
      if (!addToSum(numbers, at, -value) || !addToSum(numbers, at, -rows[place + from + 1])) {
        numbers[at] = NaN
      }
      return false
    case 'squares':
      if (!addSquares(numbers, at, rows, place + from, -1)) numbers[at] = NaN
      return false
    case 'min':
    case 'max':
      return value === numbers[at]
  }
}

function addEvent({ kind, source, at }: RunningColumn, extracted: Extracted, numbers: number[]) {
  if (extracted.hits[source.index] === 0) return
  const value = extracted.numbers[source.index]
  switch (kind) {
    case 'count':
      numbers[at] = numbers[at] + 1
      break
    case 'sum':
      if (!addToSum(numbers, at, value)) numbers[at] = NaN
      break
    case 'squares':
      if (!addSquare(numbers, at, value)) numbers[at] = NaN
      break
    case 'min':
    case 'max':
      addExtreme(kind, value, numbers, at)
  }
}

function addExtreme(kind: 'min' | 'max', value: number, numbers: number[], at: number): void {
  const known = numbers[at]
  if (Number.isNaN(value)) return
  if (kind === 'min' ? !(known <= value) : !(known >= value)) numbers[at] = value
}

function rescanExtremes(window: RunningWindow, rows: readonly number[], numbers: number[]): void {
  const { base, columns, series } = window
  const start = numbers[base]
  for (const { kind, from, at } of columns) {
    if (kind !== 'min' && kind !== 'max') continue
    numbers[at] = NaN
    for (let place = start; place < rows.length; place += series.stride) {
      addExtreme(kind, rows[place + from], numbers, at)
    }
  }
}

/**
 * Running values of windows. At an instant later than all events a window is a suffix of its
 * series: rows enter at the end with events and leave at the front with time. Sums are exact, so
 * what was added can be taken away again without a trace, and reading at a timer costs a
 * comparison per window.
 *
 * Owns the heads of the windows in a customer's array of running values: `base` is the cursor (the
 * first row that is in the window and not empty for its columns), `base + 1` the instant from
 * which this holds, `base + 2` the instant at which the cursor's row leaves (Infinity: none).
 * Does not own the rows.
 *
 * R1 For `validFrom ≤ asOf < exitAt` the values are those of the window at asOf.
 * R2 `exitAt` depends on the rows only, never on what was read before: it goes into outputs.
 * R3 It is a cache: nothing of it is stored, and dropping it changes no output.
 */
import type { CustomerAggregates, Series } from './aggregates.js'
import { addSquare, addSquares, addToSum } from './exact-sum.js'
import type { Extracted } from './extract.js'
import type { Plan, RunningColumn, RunningWindow, SeriesPlan } from './plan.js'
import { emptyOf } from './planner.js'
import { rowAt } from './tiles.js'

/** Brings all windows to `asOf` and returns the first instant after it at which a row leaves. */
export function advanceWindows(plan: Plan, state: CustomerAggregates, asOf: number): number {
  const running = (state.running ??= freshRunning(plan, state, asOf))
  let next = Infinity
  for (let i = 0; i < plan.windows.length; i++) {
    const window = plan.windows[i] as RunningWindow
    const { base } = window
    if (asOf < (running[base + 1] as number)) {
      resetWindow(window, state.series[window.series.index] as Series, running, asOf)
    }
    if (asOf >= (running[base + 2] as number)) {
      advance(window, state.series[window.series.index] as Series, running, asOf)
    }
    const exit = running[base + 2] as number
    if (exit < next) next = exit
  }
  return next
}

function freshRunning(plan: Plan, state: CustomerAggregates, asOf: number): number[] {
  const running = plan.runningTemplate.slice()
  for (let i = 0; i < plan.windows.length; i++) {
    const window = plan.windows[i] as RunningWindow
    const series = state.series[window.series.index] as Series | null
    if (series !== null) resetWindow(window, series, running, asOf)
  }
  return running
}

function resetWindow(
  window: RunningWindow,
  { rows }: Series,
  running: number[],
  asOf: number,
): void {
  const { base, columns, lengthMs } = window
  const { stride, tileMs } = window.series
  for (const { kind, at } of columns) {
    const empty = emptyOf(kind)
    for (let i = 0; i < empty.length; i++) running[at + i] = empty[i] as number
  }
  const start = rowAt(rows, stride, Math.floor((asOf - lengthMs) / tileMs))
  const before = start === 0 ? -Infinity : (rows[(start - 1) * stride] as number)
  running[base + 1] = (before + 1) * tileMs + lengthMs
  seek(window, rows, running, start)
  for (let row = running[base] as number; row * stride < rows.length; row++) {
    for (const column of columns) addColumn(column, rows, row * stride, running)
  }
}

/** Puts the cursor on the first row from `row` on that is not empty for the window's columns. */
function seek(
  window: RunningWindow,
  rows: readonly number[],
  running: number[],
  row: number,
): void {
  const { base, series, lengthMs } = window
  let place = row * series.stride
  while (place < rows.length && isEmpty(window, rows, place)) place += series.stride
  running[base] = place / series.stride
  running[base + 2] =
    place < rows.length ? ((rows[place] as number) + 1) * series.tileMs + lengthMs : Infinity
}

function isEmpty({ columns }: RunningWindow, rows: readonly number[], place: number): boolean {
  for (let i = 0; i < columns.length; i++) {
    const { kind, from } = columns[i] as RunningColumn
    const value = rows[place + from] as number
    // Of a sum that is too big for its doubles the first one is NaN, of an empty minimum too.
    if (kind === 'min' || kind === 'max' ? !Number.isNaN(value) : value !== 0) return false
  }
  return true
}

function advance(window: RunningWindow, { rows }: Series, running: number[], asOf: number): void {
  const { base, columns, series } = window
  let extremes = false
  while (asOf >= (running[base + 2] as number)) {
    const row = running[base] as number
    for (let i = 0; i < columns.length; i++) {
      const column = columns[i] as RunningColumn
      if (takeColumn(column, rows, row * series.stride, running)) extremes = true
    }
    running[base + 1] = running[base + 2] as number
    seek(window, rows, running, row + 1)
  }
  if (extremes) rescanExtremes(window, rows, running)
}

/** Lets an event that was added to `row` (a new one: `inserted`) into the windows that reach it. */
export function addToWindows(
  plan: SeriesPlan,
  { rows }: Series,
  running: number[],
  row: number,
  inserted: boolean,
  extracted: Extracted,
): void {
  const end = ((rows[row * plan.stride] as number) + 1) * plan.tileMs
  for (let i = 0; i < plan.windows.length; i++) {
    const window = plan.windows[i] as RunningWindow
    const { base, columns } = window
    const cursor = running[base] as number
    if (end + window.lengthMs <= (running[base + 1] as number)) {
      if (inserted) running[base] = cursor + 1
      continue
    }
    for (let c = 0; c < columns.length; c++) {
      addEvent(columns[c] as RunningColumn, extracted, running)
    }
    if (row <= cursor) seek(window, rows, running, row)
  }
}

/** Makes the windows of a series forget its first rows, which leave all of them at `asOf`. */
export function dropFromWindows(
  plan: SeriesPlan,
  series: Series,
  running: number[],
  count: number,
  asOf: number,
): void {
  for (const window of plan.windows) {
    advance(window, series, running, asOf)
    running[window.base] = (running[window.base] as number) - count
  }
}

function addEvent(
  { kind, source, at }: RunningColumn,
  { hits, numbers }: Extracted,
  running: number[],
): void {
  if (hits[source.index] === 0) return
  const value = numbers[source.index] as number
  switch (kind) {
    case 'count':
      running[at] = (running[at] as number) + 1
      break
    case 'sum':
      if (!addToSum(running, at, value)) running[at] = NaN
      break
    case 'squares':
      if (!addSquare(running, at, value)) running[at] = NaN
      break
    default:
      addExtreme(kind, value, running, at)
  }
}

function addColumn(
  { kind, from, at }: RunningColumn,
  rows: readonly number[],
  place: number,
  running: number[],
): void {
  const value = rows[place + from] as number
  switch (kind) {
    case 'count':
      running[at] = (running[at] as number) + value
      break
    case 'sum':
      // A total that does not fit is NaN until `wholeSum` of `totals.ts` finds that it fits again.
      if (
        !addToSum(running, at, value) ||
        !addToSum(running, at, rows[place + from + 1] as number)
      ) {
        running[at] = NaN
      }
      break
    case 'squares':
      if (!addSquares(running, at, rows, place + from, 1)) running[at] = NaN
      break
    default:
      addExtreme(kind, value, running, at)
  }
}

/** True where the value that left was the window's extreme. */
function takeColumn(
  { kind, from, at }: RunningColumn,
  rows: readonly number[],
  place: number,
  running: number[],
): boolean {
  const value = rows[place + from] as number
  switch (kind) {
    case 'count':
      running[at] = (running[at] as number) - value
      return false
    case 'sum':
      if (
        !addToSum(running, at, -value) ||
        !addToSum(running, at, -(rows[place + from + 1] as number))
      ) {
        running[at] = NaN
      }
      return false
    case 'squares':
      if (!addSquares(running, at, rows, place + from, -1)) running[at] = NaN
      return false
    default:
      return value === running[at]
  }
}

function addExtreme(kind: 'min' | 'max', value: number, running: number[], at: number): void {
  const known = running[at] as number
  if (Number.isNaN(value)) return
  if (kind === 'min' ? !(known <= value) : !(known >= value)) running[at] = value
}

function rescanExtremes(window: RunningWindow, rows: readonly number[], running: number[]): void {
  const { base, columns, series } = window
  const start = (running[base] as number) * series.stride
  for (const { kind, from, at } of columns) {
    if (kind !== 'min' && kind !== 'max') continue
    running[at] = NaN
    for (let place = start; place < rows.length; place += series.stride) {
      addExtreme(kind, rows[place + from] as number, running, at)
    }
  }
}

/** Bytes of a series: its newest rows in the root, older blocks of a long one in cells. */
import { cellOf } from '../state/codec.js'
import { Extras, type CustomerAggregates } from './aggregates.js'
import type { ByteReader } from './byte-reader.js'
import type { ByteWriter } from './byte-writer.js'
import type { Emit } from './ids-codec.js'
import type { SeriesPlan, TileColumn } from './plan.js'
import { blockTiles } from './series-blocks.js'
import { bigKey, emptyRows, keepBig } from './tiles.js'

/** Kind of the cells of the first series; each further one has the next. */
export const SERIES_CELL = 2

const NO_BLOCKS: readonly number[] = []

/** Blocks of a series that are cells, as of the last encoding. */
export function blocksOf(state: CustomerAggregates, { index }: SeriesPlan): readonly number[] {
  return state.extras?.cells[index] ?? NO_BLOCKS
}

/**
 * Emits the blocks of the rows before `from` that changed since the last encoding, and the end of
 * those gone.
 */
export function encodeBlocks(
  state: CustomerAggregates,
  plan: SeriesPlan,
  from: number,
  writer: ByteWriter,
  emit: Emit,
): void {
  const before = blocksOf(state, plan)
  if (from === 0 && before.length === 0) return
  const rows = state.series[plan.index] as number[]
  const kind = SERIES_CELL + plan.index
  const tiles = blockTiles(plan)
  const blockAt = (row: number): number => Math.floor(rows[row] / tiles)
  const extras = (state.extras ??= new Extras())
  const touched = new Set(extras.touched[plan.index]?.map((tile) => Math.floor(tile / tiles)))
  const blocks: number[] = []
  for (let start = 0; start < from;) {
    const block = blockAt(start)
    let end = start
    while (end < from && blockAt(end) === block) end += plan.stride
    blocks.push(block)
    if (touched.has(block) || !before.includes(block)) {
      writeRows(state, plan, start, end, writer)
      emit(cellOf(kind, block), writer.take())
    }
    start = end
  }
  for (const block of before) if (!blocks.includes(block)) emit(cellOf(kind, block), null)
  extras.cells[plan.index] = blocks.length === 0 ? undefined : blocks
  extras.touched[plan.index] = undefined
}

/** Notes which blocks of a decoded series are cells. */
export function setBlocks(
  state: CustomerAggregates,
  plan: SeriesPlan,
  blocks: readonly number[],
): void {
  const extras = (state.extras ??= new Extras())
  extras.cells[plan.index] = blocks
}

/** Rows from the place `from` (inclusive) to `to` (exclusive). */
export function writeRows(
  state: CustomerAggregates,
  plan: SeriesPlan,
  from: number,
  to: number,
  writer: ByteWriter,
): void {
  const rows = state.series[plan.index] as number[]
  const { stride, columns } = plan
  writer.varint((to - from) / stride)
  let last = 0
  for (let place = from; place < to; place += stride) {
    const tile = rows[place]
    if (place === from) writer.signed(tile)
    else writer.varint(tile - last)
    last = tile
    for (let i = 0; i < columns.length; i++) {
      const { kind, at } = columns[i]
      const value = rows[place + at]
      if (kind === 'count') writer.varint(value)
      else if (kind === 'min' || kind === 'max') writer.double(value)
      else {
        writer.pair(value, rows[place + at + 1])
        if (Number.isNaN(value)) {
          writer.big(state.extras?.rows[plan.index]?.get(bigKey(plan, rows, place, at)) ?? 0n)
        } else if (kind === 'squares') writer.double(rows[place + at + 2])
      }
    }
  }
}

/** Appends the rows that the reader holds. */
export function readRows(state: CustomerAggregates, plan: SeriesPlan, reader: ByteReader): void {
  const count = reader.count()
  if (count === 0) return
  const { stride, columns } = plan
  const known = state.series[plan.index]
  const rows = emptyRows(plan, count)
  let tile = known === null ? -Infinity : known[known.length - stride]
  for (let place = 0; place < rows.length; place += stride) {
    const next = place === 0 ? reader.signed() : tile + reader.varint()
    if (next <= tile) throw new RangeError(`tile ${next} comes behind tile ${tile}`)
    tile = next
    rows[place] = tile
    for (let c = 0; c < columns.length; c++) {
      if (columns[c].kind === 'count') rows[place + columns[c].at] = reader.varint()
      else readTotal(state, plan, columns[c], rows, place, reader)
    }
  }
  if (known === null) state.series[plan.index] = rows
  else for (let i = 0; i < rows.length; i++) known.push(rows[i])
}

function readTotal(
  state: CustomerAggregates,
  plan: SeriesPlan,
  { kind, at }: TileColumn,
  rows: number[],
  place: number,
  reader: ByteReader,
): void {
  if (kind === 'min' || kind === 'max') {
    rows[place + at] = reader.double()
    return
  }
  reader.pair(rows, place + at)
  if (Number.isNaN(rows[place + at])) {
    keepBig(state, plan, bigKey(plan, rows, place, at), reader.big())
  } else if (kind === 'squares') rows[place + at + 2] = reader.double()
}

/** Bytes of a series: its newest rows in the root, older blocks of a long one in cells. */
import { cellOf } from '../state/codec.js'
import type { Series } from './aggregates.js'
import type { ByteReader, ByteWriter } from './bytes.js'
import type { SeriesPlan, TileColumn } from './plan.js'
import { blockTiles, inlineFrom } from './series-blocks.js'
import { bigKey, emptyRow } from './tiles.js'

/** Kind of the cells of the first series; each further one has the next. */
export const SERIES_CELL = 2

/** Where a series is cut. */
export interface SeriesLayout {
  readonly from: number
  /** Blocks of the rows before it, oldest first. */
  readonly blocks: readonly number[]
}

const WHOLE: SeriesLayout = { from: 0, blocks: [] }

export function layoutSeries(series: Series | null, plan: SeriesPlan): SeriesLayout {
  const from = series === null ? 0 : inlineFrom(series.rows, plan)
  if (series === null || from === 0) return WHOLE
  const tiles = blockTiles(plan)
  const blocks: number[] = []
  for (let row = 0; row < from; row++) {
    const block = Math.floor((series.rows[row * plan.stride] as number) / tiles)
    if (blocks.at(-1) !== block) blocks.push(block)
  }
  return { from, blocks }
}

/** Emits the blocks that changed since the last encoding, and the end of those gone. */
export function encodeBlocks(
  series: Series,
  plan: SeriesPlan,
  { from, blocks }: SeriesLayout,
  writer: ByteWriter,
  emit: (cell: number, value: Uint8Array | null) => void,
): void {
  const before = series.cells ?? []
  if (before.length === 0 && blocks.length === 0) return
  const kind = SERIES_CELL + plan.index
  const tiles = blockTiles(plan)
  const touched = new Set(series.touched?.map((tile) => Math.floor(tile / tiles)))
  for (const block of before) if (!blocks.includes(block)) emit(cellOf(kind, block), null)
  let start = 0
  for (const block of blocks) {
    let end = start
    while (end < from && Math.floor((series.rows[end * plan.stride] as number) / tiles) === block) {
      end++
    }
    if (touched.has(block) || !before.includes(block)) {
      writeRows(series, plan, start, end, writer)
      emit(cellOf(kind, block), writer.take())
    }
    start = end
  }
  series.cells = blocks.length === 0 ? null : [...blocks]
  series.touched = null
}

/** Rows from `from` (inclusive) to `to` (exclusive). */
export function writeRows(
  series: Series,
  plan: SeriesPlan,
  from: number,
  to: number,
  writer: ByteWriter,
): void {
  const { rows } = series
  const { stride, columns } = plan
  writer.varint(to - from)
  let last = 0
  for (let row = from; row < to; row++) {
    const place = row * stride
    const tile = rows[place] as number
    if (row === from) writer.signed(tile)
    else writer.varint(tile - last)
    last = tile
    for (let i = 0; i < columns.length; i++) {
      const { kind, at } = columns[i] as TileColumn
      const value = rows[place + at] as number
      if (kind === 'count') writer.varint(value)
      else if (kind === 'min' || kind === 'max') writer.double(value)
      else {
        writer.pair(value, rows[place + at + 1] as number)
        if (Number.isNaN(value)) writer.big(series.bigs?.get(bigKey(rows, plan, row, at)) ?? 0n)
        else if (kind === 'squares') writer.double(rows[place + at + 2] as number)
      }
    }
  }
}

/** Appends rows to the series. */
export function readRows(series: Series, plan: SeriesPlan, reader: ByteReader): void {
  const { rows } = series
  const count = reader.count()
  const empty = count === 0 ? null : emptyRow(plan)
  let tile = rows.length === 0 ? -Infinity : (rows[rows.length - plan.stride] as number)
  for (let i = 0; i < count; i++) {
    const next = i === 0 ? reader.signed() : tile + reader.varint()
    if (next <= tile) throw new RangeError(`tile ${next} comes behind tile ${tile}`)
    tile = next
    const place = rows.length
    for (const value of empty as number[]) rows.push(value)
    rows[place] = tile
    for (const column of plan.columns) readColumn(series, plan, column, place, reader)
  }
}

function readColumn(
  series: Series,
  plan: SeriesPlan,
  { kind, at }: TileColumn,
  place: number,
  reader: ByteReader,
): void {
  const { rows } = series
  if (kind === 'count') rows[place + at] = reader.varint()
  else if (kind === 'min' || kind === 'max') rows[place + at] = reader.double()
  else {
    reader.pair(rows, place + at)
    if (Number.isNaN(rows[place + at])) {
      ;(series.bigs ??= new Map()).set(bigKey(rows, plan, place / plan.stride, at), reader.big())
    } else if (kind === 'squares') rows[place + at + 2] = reader.double()
  }
}

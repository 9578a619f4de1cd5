/**
 * A customer's state as cells. The root holds all of a typical customer: what judging and what
 * aggregating keeps, in two parts. Hours of ids and blocks of long series are cells of their own,
 * by rules of the content alone, named by a directory at the root's front.
 */
import { cellOf, type StateCodec } from '../state/codec.js'
import { CustomerAggregates, Series } from './aggregates.js'
import { ByteReader, ByteWriter } from './bytes.js'
import type { CustomerState } from './engine.js'
import { encodeHours, IDS_CELL, layoutIds, readJudged, writeJudged } from './ids-codec.js'
import { CustomerJudged } from './judge.js'
import type { Plan, SeriesPlan } from './plan.js'
import {
  encodeBlocks,
  layoutSeries,
  readRows,
  SERIES_CELL,
  writeRows,
  type SeriesLayout,
} from './series-codec.js'
import {
  readDistinct,
  readFirsts,
  readSlots,
  writeDistinct,
  writeFirsts,
  writeSlots,
} from './slots-codec.js'

/** The root's first byte. */
const FORMAT = 1
const ROOT_CELL = cellOf(0, 0)
const ROOTS = [ROOT_CELL]

/** Cells beside the root: hours of ids, and blocks by series. */
interface Directory {
  readonly hours: readonly number[]
  readonly blocks: readonly (readonly number[])[]
}

export function stateCodec(plan: Plan): StateCodec<CustomerState> {
  const writer = new ByteWriter()
  return {
    create: () => ({ judged: new CustomerJudged(), aggregates: new CustomerAggregates(plan) }),
    roots: ROOTS,
    further(roots) {
      const root = roots[0]
      if (root === undefined) return []
      return cellsOf(readDirectory(plan, rootReader(root)))
    },
    decode: (cells) => decode(plan, cells),
    encode(state, emit) {
      encode(plan, state, writer, emit)
    },
    weigh: (state) => weigh(state),
  }
}

function encode(
  plan: Plan,
  state: CustomerState,
  writer: ByteWriter,
  emit: (cell: number, value: Uint8Array | null) => void,
): void {
  const judged = state.judged as CustomerJudged
  const aggregates = state.aggregates as CustomerAggregates
  if (!judged.changed && !aggregates.changed) return
  const ids = layoutIds(judged)
  encodeHours(judged, ids, writer, emit)
  const layouts = plan.series.map((one) => {
    const series = aggregates.series[one.index] as Series | null
    const layout = layoutSeries(series, one)
    if (series !== null) encodeBlocks(series, one, layout, writer, emit)
    return layout
  })
  writer.byte(FORMAT)
  writeDirectory({ hours: ids.hours, blocks: layouts.map(({ blocks }) => blocks) }, writer)
  writeJudged(judged, ids, writer)
  writeAggregates(plan, aggregates, layouts, writer)
  emit(ROOT_CELL, writer.take())
  judged.changed = false
  aggregates.changed = false
}

function writeAggregates(
  plan: Plan,
  state: CustomerAggregates,
  layouts: readonly SeriesLayout[],
  writer: ByteWriter,
): void {
  if (state.newest === -Infinity) {
    writer.byte(0)
    return
  }
  writer.byte(1)
  writer.signed(state.newest)
  writeSlots(plan, state, writer)
  for (const one of plan.series) {
    const series = state.series[one.index] as Series | null
    const { from } = layouts[one.index] as SeriesLayout
    if (series === null) writer.varint(0)
    else writeRows(series, one, from, series.rows.length / one.stride, writer)
  }
  for (const one of plan.distincts) writeDistinct(one, state.distincts[one.index] ?? null, writer)
  for (const one of plan.firsts) writeFirsts(one, state.firsts[one.index] ?? null, writer)
}

function decode(plan: Plan, cells: ReadonlyMap<number, Uint8Array>): CustomerState {
  const root = cells.get(ROOT_CELL)
  if (root === undefined) throw new RangeError('the state has no root')
  const reader = rootReader(root)
  const directory = readDirectory(plan, reader)
  const cellReader = (cell: number): ByteReader => {
    const bytes = cells.get(cell)
    if (bytes === undefined) throw new RangeError(`cell ${cell} is missing`)
    return new ByteReader(bytes)
  }
  const judged = new CustomerJudged()
  const hours = directory.hours.map((hour) => cellReader(cellOf(IDS_CELL, hour)))
  readJudged(judged, directory.hours, hours, reader)
  const aggregates = new CustomerAggregates(plan)
  if (reader.byte() !== 0) readAggregates(plan, aggregates, directory, cellReader, reader)
  reader.end()
  return { judged, aggregates }
}

function readAggregates(
  plan: Plan,
  state: CustomerAggregates,
  { blocks }: Directory,
  cellReader: (cell: number) => ByteReader,
  reader: ByteReader,
): void {
  state.newest = reader.signed()
  readSlots(plan, state, reader)
  for (const one of plan.series) {
    const series = new Series()
    const mine = blocks[one.index] ?? []
    for (const block of mine) {
      const cell = cellReader(cellOf(SERIES_CELL + one.index, block))
      readRows(series, one, cell)
      cell.end()
    }
    readRows(series, one, reader)
    if (mine.length > 0) series.cells = [...mine]
    if (series.rows.length > 0) state.series[one.index] = series
  }
  for (const one of plan.distincts) state.distincts[one.index] = readDistinct(one, reader)
  for (const one of plan.firsts) state.firsts[one.index] = readFirsts(one, reader)
}

function rootReader(root: Uint8Array): ByteReader {
  const reader = new ByteReader(root)
  const format = reader.byte()
  if (format !== FORMAT) throw new RangeError(`${format} is not the format of a state`)
  return reader
}

function writeDirectory({ hours, blocks }: Directory, writer: ByteWriter): void {
  writeIndexes(hours, writer)
  const count = blocks.reduce((most, mine, i) => (mine.length > 0 ? i + 1 : most), 0)
  writer.varint(count)
  for (let i = 0; i < count; i++) writeIndexes(blocks[i] as readonly number[], writer)
}

function readDirectory(plan: Plan, reader: ByteReader): Directory {
  const hours = readIndexes(reader)
  const count = reader.count()
  if (count > plan.series.length) throw new RangeError(`a directory of ${count} series`)
  const blocks: number[][] = []
  for (let i = 0; i < count; i++) blocks.push(readIndexes(reader))
  return { hours, blocks }
}

function writeIndexes(indexes: readonly number[], writer: ByteWriter): void {
  writer.varint(indexes.length)
  let last = 0
  for (const index of indexes) {
    writer.varint(index - last)
    last = index
  }
}

function readIndexes(reader: ByteReader): number[] {
  const indexes: number[] = []
  let last = 0
  for (let left = reader.count(); left > 0; left--) indexes.push((last += reader.varint()))
  return indexes
}

function cellsOf({ hours, blocks }: Directory): number[] {
  return [
    ...hours.map((hour) => cellOf(IDS_CELL, hour)),
    ...blocks.flatMap((mine: readonly number[], i: number) =>
      mine.map((block) => cellOf(SERIES_CELL + i, block)),
    ),
  ]
}

/** Measured on hot customers of the churn app; see `bench/features.ts`. */
const CUSTOMER_BYTES = 1_200
const ID_BYTES = 72
const NUMBER_BYTES = 8

function weigh(state: CustomerState): number {
  const judged = state.judged as CustomerJudged
  const aggregates = state.aggregates as CustomerAggregates
  let numbers = aggregates.slots.length + (aggregates.running?.length ?? 0)
  for (const series of aggregates.series) numbers += series === null ? 0 : series.rows.length + 8
  return CUSTOMER_BYTES + judged.ids.length * ID_BYTES + numbers * NUMBER_BYTES
}

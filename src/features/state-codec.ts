/**
 * A customer's state as cells. The root holds all of a typical customer: what judging and what
 * aggregating keeps, in two parts. Hours of ids and blocks of long series are cells of their own,
 * by rules of the content alone, named by a directory at the root's front.
 */
import { cellOf, type StateCodec } from '../state/codec.js'
import { CustomerAggregates } from './aggregates.js'
import { ByteReader } from './byte-reader.js'
import { ByteWriter } from './byte-writer.js'
import type { CustomerState } from './engine.js'
import {
  encodeHours,
  IDS_CELL,
  inlineIdsFrom,
  readJudged,
  writeJudged,
  type Emit,
} from './ids-codec.js'
import { HEAD, type Plan } from './plan.js'
import { CustomerJudged } from './seen-ids.js'
import { inlineRowsFrom } from './series-blocks.js'
import {
  blocksOf,
  encodeBlocks,
  readRows,
  SERIES_CELL,
  setBlocks,
  writeRows,
} from './series-codec.js'
import {
  readDistinct,
  readFirsts,
  readSlots,
  writeDistinct,
  writeFirsts,
  writeSlots,
} from './slots-codec.js'

/** The root's first byte: the format, without and with a directory of further cells. */
const ALONE = 1
const WITH_DIRECTORY = 2
const ROOT_CELL = cellOf(0, 0)
const ROOTS = [ROOT_CELL]

/** Cells beside the root: hours of ids, and blocks by series. */
interface Directory {
  readonly hours: readonly number[]
  readonly blocks: readonly (readonly number[])[]
}

const NONE: readonly never[] = []
const NOTHING: Directory = { hours: NONE, blocks: NONE }

export function stateCodec(plan: Plan): StateCodec<CustomerState> {
  const writer = new ByteWriter()
  const inlineRows = plan.series.map(() => 0)
  return {
    create: () => ({ judged: new CustomerJudged(), aggregates: new CustomerAggregates(plan) }),
    roots: ROOTS,
    further(roots) {
      const root = roots[0]
      if (root === undefined || root[0] === ALONE) return NONE
      return cellsOf(readDirectory(plan, new ByteReader(root)))
    },
    decode: (cells) => decode(plan, cells),
    encode(state, emit) {
      encode(plan, state, inlineRows, writer, emit)
    },
    weigh,
  }
}

/** `inlineRows` is room for the first row of each series that stays in the root. */
function encode(
  plan: Plan,
  state: CustomerState,
  inlineRows: number[],
  writer: ByteWriter,
  emit: Emit,
): void {
  const judged = state.judged as CustomerJudged
  const aggregates = state.aggregates as CustomerAggregates
  if (!judged.changed && !aggregates.changed) return
  const inlineIds = inlineIdsFrom(judged)
  encodeHours(judged, inlineIds, writer, emit)
  let isAlone = judged.cells === null
  for (let i = 0; i < plan.series.length; i++) {
    const rows = aggregates.series[i]
    if (rows === null) continue
    const one = plan.series[i]
    const from = inlineRowsFrom(rows, one)
    inlineRows[i] = from
    encodeBlocks(aggregates, one, from, writer, emit)
    if (from > 0) isAlone = false
  }
  writer.byte(isAlone ? ALONE : WITH_DIRECTORY)
  if (!isAlone) writeDirectory(plan, judged, aggregates, writer)
  writeJudged(judged, inlineIds, writer)
  writeAggregates(plan, aggregates, inlineRows, writer)
  emit(ROOT_CELL, writer.take())
  judged.changed = false
  aggregates.changed = false
}

function writeAggregates(
  plan: Plan,
  state: CustomerAggregates,
  inlineRows: readonly number[],
  writer: ByteWriter,
): void {
  if (state.newest === -Infinity) {
    writer.byte(0)
    return
  }
  writer.byte(1)
  writer.signed(state.newest)
  writeSlots(plan, state, writer)
  for (let i = 0; i < plan.series.length; i++) {
    const one = plan.series[i]
    const rows = state.series[i]
    if (rows === null) writer.varint(0)
    else writeRows(state, one, inlineRows[i], rows.length, writer)
  }
  for (const one of plan.distincts) writeDistinct(one, state.distincts[one.index] ?? null, writer)
  for (const one of plan.firsts) writeFirsts(one, state.firsts[one.index] ?? null, writer)
}

/** Used again and again; decoding calls nobody who decodes. */
const rootReader = new ByteReader(new Uint8Array(0))

function decode(plan: Plan, cells: ReadonlyMap<number, Uint8Array>): CustomerState {
  const root = cells.get(ROOT_CELL)
  if (root === undefined) throw new RangeError('the state has no root')
  const reader = rootReader
  reader.open(root)
  const directory = readDirectory(plan, reader)
  const judged = new CustomerJudged()
  const hours =
    directory.hours.length === 0
      ? NONE
      : directory.hours.map((hour) => cellIn(cells, cellOf(IDS_CELL, hour)))
  readJudged(judged, directory.hours, hours, root, reader)
  const aggregates = new CustomerAggregates(plan)
  if (reader.byte() !== 0) readAggregates(plan, aggregates, directory, cells, reader)
  reader.end()
  return { judged, aggregates }
}

function readAggregates(
  plan: Plan,
  state: CustomerAggregates,
  { blocks }: Directory,
  cells: ReadonlyMap<number, Uint8Array>,
  reader: ByteReader,
): void {
  const { numbers } = state
  numbers[HEAD.newest] = reader.signed()
  // The windows are made when they are first read, what can be dropped is found at the next event.
  numbers[HEAD.from] = Number.NaN
  numbers[HEAD.pruneAt] = -Infinity
  readSlots(plan, state, reader)
  for (let i = 0; i < plan.series.length; i++) {
    const one = plan.series[i]
    const mine = blocks[i]
    if (mine !== undefined && mine.length > 0) {
      for (const block of mine) {
        const cell = new ByteReader(cellIn(cells, cellOf(SERIES_CELL + i, block)))
        readRows(state, one, cell)
        cell.end()
      }
      setBlocks(state, one, mine)
    }
    readRows(state, one, reader)
  }
  for (const one of plan.distincts) state.distincts[one.index] = readDistinct(one, reader)
  for (const one of plan.firsts) state.firsts[one.index] = readFirsts(one, reader)
}

function cellIn(cells: ReadonlyMap<number, Uint8Array>, cell: number): Uint8Array {
  const bytes = cells.get(cell)
  if (bytes === undefined) throw new RangeError(`cell ${cell} is missing`)
  return bytes
}

function writeDirectory(
  plan: Plan,
  judged: CustomerJudged,
  state: CustomerAggregates,
  writer: ByteWriter,
): void {
  writeIndexes(judged.cells ?? NONE, writer)
  for (const one of plan.series) writeIndexes(blocksOf(state, one), writer)
}

function readDirectory(plan: Plan, reader: ByteReader): Directory {
  const format = reader.byte()
  if (format === ALONE) return NOTHING
  if (format !== WITH_DIRECTORY) throw new RangeError(`${format} is not the format of a state`)
  return { hours: readIndexes(reader), blocks: plan.series.map(() => readIndexes(reader)) }
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
  const cells = hours.map((hour) => cellOf(IDS_CELL, hour))
  blocks.forEach((mine, i) => cells.push(...mine.map((block) => cellOf(SERIES_CELL + i, block))))
  return cells
}

/** Measured on hot customers of the churn app; see `bench/features.ts`. */
const CUSTOMER_BYTES = 700
const ID_BYTES = 56
const NUMBER_BYTES = 8

function weigh(state: CustomerState): number {
  const { seen, frozen } = state.judged as CustomerJudged
  const { numbers, series } = state.aggregates as CustomerAggregates
  let size = numbers.length
  for (const rows of series) size += rows === null ? 0 : rows.length + 4
  const ids = (seen.length / 2) * ID_BYTES + (frozen === null ? 0 : frozen.root.length)
  return CUSTOMER_BYTES + ids + size * NUMBER_BYTES
}

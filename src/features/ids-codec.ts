/**
 * Bytes of what judging remembers. The ids of the newest hours stand in the root while they are
 * few; each older hour of log clock is a cell of its own, written once and deleted once.
 */
import { cellOf } from '../state/codec.js'
import type { ByteReader, ByteWriter } from './bytes.js'
import { hasManyIds, hourOf, indexIds, type CustomerJudged } from './judge.js'

/** Kind of the cells that hold an hour's ids; their index is the hour. */
export const IDS_CELL = 1

/** As many ids stay in the root; the newest hour's always do. */
const INLINE_IDS_MAX = 8

/** The first id that stays in the root: the beginning of an hour. */
function inlineFrom({ sights }: CustomerJudged): number {
  const count = sights.length
  if (count <= INLINE_IDS_MAX) return 0
  let first = count
  for (let i = count - 1; i >= 0; i--) {
    if (i > 0 && hourOf(sights[i - 1] as number) === hourOf(sights[i] as number)) continue
    if (first < count && count - i > INLINE_IDS_MAX) break
    first = i
  }
  return first
}

/** Hours that are cells: those of the ids before `from`. */
function hoursBefore(from: number, sights: readonly number[]): number[] {
  const hours: number[] = []
  for (let i = 0; i < from; i++) {
    const hour = hourOf(sights[i] as number)
    if (hours.at(-1) !== hour) hours.push(hour)
  }
  return hours
}

/** Where the ids are cut; remembered from emitting the cells to writing the root. */
export interface IdsLayout {
  readonly from: number
  readonly hours: readonly number[]
}

const NO_HOURS: readonly number[] = []

export function layoutIds(judged: CustomerJudged): IdsLayout {
  const from = inlineFrom(judged)
  return { from, hours: from === 0 ? NO_HOURS : hoursBefore(from, judged.sights) }
}

/** Emits the hours that have become cells since the last encoding, and the end of those gone. */
export function encodeHours(
  judged: CustomerJudged,
  { from, hours }: IdsLayout,
  writer: ByteWriter,
  emit: (cell: number, value: Uint8Array | null) => void,
): void {
  const before = judged.cells ?? NO_HOURS
  if (before.length === 0 && hours.length === 0) return
  for (const hour of before) if (!hours.includes(hour)) emit(cellOf(IDS_CELL, hour), null)
  let start = 0
  for (const hour of hours) {
    let end = start
    while (end < from && hourOf(judged.sights[end] as number) === hour) end++
    if (!before.includes(hour)) {
      writeIds(judged, start, end, writer)
      emit(cellOf(IDS_CELL, hour), writer.take())
    }
    start = end
  }
  judged.cells = hours.length === 0 ? null : [...hours]
}

/** The root's part. */
export function writeJudged(judged: CustomerJudged, { from }: IdsLayout, writer: ByteWriter): void {
  writer.varint(judged.acceptedTypes)
  writer.varint(judged.forgotten)
  writeIds(judged, from, judged.ids.length, writer)
}

/** Reads the root's part behind the ids of the hours' cells, which are in the order of the hours. */
export function readJudged(
  judged: CustomerJudged,
  hours: readonly number[],
  cells: readonly ByteReader[],
  reader: ByteReader,
): void {
  judged.acceptedTypes = reader.varint()
  judged.forgotten = reader.varint()
  for (const cell of cells) {
    readIds(judged, cell)
    cell.end()
  }
  readIds(judged, reader)
  if (judged.forgotten > judged.ids.length) throw new RangeError('more ids forgotten than known')
  judged.cells = hours.length === 0 ? null : [...hours]
  if (hasManyIds(judged)) indexIds(judged)
}

function writeIds({ ids, sights }: CustomerJudged, from: number, to: number, writer: ByteWriter) {
  writer.varint(to - from)
  let last = 0
  for (let i = from; i < to; i++) {
    const sight = sights[i] as number
    if (i === from) writer.signed(sight)
    else writer.varint(sight - last)
    writer.text(ids[i] as string)
    last = sight
  }
}

function readIds({ ids, sights }: CustomerJudged, reader: ByteReader): void {
  const count = reader.count()
  let last = 0
  for (let i = 0; i < count; i++) {
    last = i === 0 ? reader.signed() : last + reader.varint()
    ids.push(reader.text())
    sights.push(last)
  }
}

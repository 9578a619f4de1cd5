/**
 * Bytes of what judging remembers. The ids of the newest hours stand in the root while they are
 * few; each older hour of log clock is a cell of its own, written once and deleted once.
 *
 * Timers read customers without judging anything: decoding checks the bytes of ids and keeps them,
 * and the first event that is judged makes the ids of them.
 */
import { cellOf } from '../state/codec.js'
import { ByteReader } from './byte-reader.js'
import type { ByteWriter } from './byte-writer.js'
import { MS_PER_HOUR } from './duration.js'
import {
  countOf,
  hourAt,
  indexIds,
  sightAt,
  type CustomerJudged,
  type FrozenIds,
} from './seen-ids.js'

/** Kind of the cells that hold an hour's ids; their index is the hour. */
export const IDS_CELL = 1

/** As many ids stay in the root; the newest hour's always do. */
const INLINE_IDS_MAX = 8

export type Emit = (cell: number, value: Uint8Array | null) => void

const NO_HOURS: readonly number[] = []

/** The first id that stays in the root: the beginning of an hour. */
export function inlineIdsFrom(judged: CustomerJudged): number {
  const count = countOf(judged)
  if (count <= INLINE_IDS_MAX) return 0
  let first = count
  for (let place = count - 1; place >= 0; place--) {
    if (place > 0 && hourAt(judged, place - 1) === hourAt(judged, place)) continue
    if (first < count && count - place > INLINE_IDS_MAX) break
    first = place
  }
  return first
}

/** Emits the hours that have become cells since the last encoding, and the end of those gone. */
export function encodeHours(
  judged: CustomerJudged,
  from: number,
  writer: ByteWriter,
  emit: Emit,
): void {
  const before = judged.cells ?? NO_HOURS
  if (judged.frozen !== null || (from === 0 && before.length === 0)) return
  const hours: number[] = []
  for (let start = 0; start < from;) {
    const hour = hourAt(judged, start)
    let end = start
    while (end < from && hourAt(judged, end) === hour) end++
    hours.push(hour)
    if (!before.includes(hour)) {
      writeIds(judged, start, end, writer)
      emit(cellOf(IDS_CELL, hour), writer.take())
    }
    start = end
  }
  for (const hour of before) if (!hours.includes(hour)) emit(cellOf(IDS_CELL, hour), null)
  judged.cells = hours.length === 0 ? null : hours
}

/** The root's part, its length first. */
export function writeJudged(judged: CustomerJudged, from: number, writer: ByteWriter): void {
  writer.varint(judged.acceptedTypes)
  if (judged.frozen !== null) {
    const { root, from: start, to } = judged.frozen
    writer.blob(root, start, to)
    return
  }
  const start = writer.begin()
  writer.varint(judged.forgotten)
  writeIds(judged, from, countOf(judged), writer)
  writer.end(start)
}

/** Takes the root's part, and the cells of the hours before it in their order. */
export function readJudged(
  judged: CustomerJudged,
  hours: readonly number[],
  cells: readonly Uint8Array[],
  root: Uint8Array,
  reader: ByteReader,
): void {
  judged.acceptedTypes = reader.varint()
  const size = reader.count()
  const from = reader.position
  const forgotten = reader.varint()
  let known = skipIds(reader)
  if (reader.position !== from + size) throw new RangeError('the ids have another length')
  for (const cell of cells) {
    const own = new ByteReader(cell)
    known += skipIds(own)
    own.end()
  }
  if (forgotten > known) throw new RangeError('more ids are forgotten than known')
  judged.cells = hours.length === 0 ? null : hours
  judged.frozen = { cells, root, from, to: from + size }
}

/** Makes the ids of their bytes. */
export function thaw(judged: CustomerJudged): void {
  const { cells, root, from, to } = judged.frozen as FrozenIds
  judged.frozen = null
  const seen: (string | number)[] = []
  for (const cell of cells) readIds(judged, seen, new ByteReader(cell))
  const reader = new ByteReader(root, from, to)
  judged.forgotten = reader.varint()
  readIds(judged, seen, reader)
  if (seen.length > 0) judged.seen = seen
  indexIds(judged)
}

function writeIds(judged: CustomerJudged, from: number, to: number, writer: ByteWriter): void {
  writer.varint(to - from)
  let last = 0
  for (let place = from; place < to; place++) {
    const sight = sightAt(judged, place)
    if (place === from) writer.signed(sight)
    else writer.varint(sight - last)
    writer.text(judged.seen[2 * place] as string)
    last = sight
  }
}

function readIds(judged: CustomerJudged, seen: (string | number)[], reader: ByteReader): void {
  const count = reader.count()
  let sight = 0
  for (let i = 0; i < count; i++) {
    sight = i === 0 ? reader.signed() : sight + reader.varint()
    if (seen.length === 0) judged.hour = Math.floor(sight / MS_PER_HOUR)
    seen.push(reader.text(), sight - judged.hour * MS_PER_HOUR)
  }
}

/** Checks the bytes of ids without making them; how many there are. */
function skipIds(reader: ByteReader): number {
  const count = reader.count()
  for (let i = 0; i < count; i++) {
    reader.varint()
    reader.skip(reader.count())
  }
  return count
}

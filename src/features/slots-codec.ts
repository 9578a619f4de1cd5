/** Bytes of the slots, the distinct values and the first events of a customer. */
import { DistinctValues, Extras, type CustomerAggregates, type FirstEvent } from './aggregates.js'
import type { ByteReader } from './byte-reader.js'
import type { ByteWriter } from './byte-writer.js'
import type { DistinctPlan, FirstPlan, Plan, Slot, Source } from './plan.js'

/** Codes of a slot's time; above them its distance from the customer's newest event. */
const NEVER = 0
const SAME_EVENT = 1
const FURTHER = 2

export function writeSlots(plan: Plan, state: CustomerAggregates, writer: ByteWriter): void {
  // Slots of one event stand side by side: the second tells only that it is the same.
  const { newest } = state
  let lastTime = Number.NaN
  let lastOffset = -1
  for (const slot of plan.slots) {
    const { kind, at } = slot
    const value = state.numbers[at]
    switch (kind) {
      case 'newest':
      case 'oldest':
        writer.varint(Number.isFinite(value) ? FURTHER + newest - value : NEVER)
        break
      case 'latest':
      case 'first': {
        if (!Number.isFinite(value)) {
          writer.varint(NEVER)
          break
        }
        const offset = state.numbers[at + 1]
        if (value === lastTime && offset === lastOffset) writer.varint(SAME_EVENT)
        else {
          writer.varint(FURTHER + newest - value)
          writer.varint(offset)
          lastTime = value
          lastOffset = offset
        }
        const text = slot.text < 0 ? null : (state.texts[slot.text] as string)
        writeValue(slot.source, text ?? state.numbers[at + 2], writer)
        break
      }
      case 'count':
        writer.varint(value)
        break
      case 'min':
      case 'max':
        writer.double(value)
        break
      case 'sum':
      case 'squares':
        writer.pair(value, state.numbers[at + 1])
        if (Number.isNaN(value)) writer.big(state.extras?.slots.get(at) ?? 0n)
        else if (kind === 'squares') writer.double(state.numbers[at + 2])
    }
  }
}

export function readSlots(plan: Plan, state: CustomerAggregates, reader: ByteReader): void {
  const { newest } = state
  const last = { time: Number.NaN, offset: -1 }
  for (const slot of plan.slots) {
    const { kind, at } = slot
    switch (kind) {
      case 'newest':
      case 'oldest': {
        const code = reader.varint()
        if (code !== NEVER) state.numbers[at] = newest - (code - FURTHER)
        break
      }
      case 'latest':
      case 'first':
        readEvent(state, slot, last, reader)
        break
      case 'count':
        state.numbers[at] = reader.varint()
        break
      case 'min':
      case 'max':
        state.numbers[at] = reader.double()
        break
      case 'sum':
      case 'squares':
        reader.pair(state.numbers, at)
        if (Number.isNaN(state.numbers[at])) {
          const extras = (state.extras ??= new Extras())
          extras.slots.set(at, reader.big())
        } else if (kind === 'squares') state.numbers[at + 2] = reader.double()
    }
  }
}

function readEvent(
  state: CustomerAggregates,
  { at, text, source }: Slot,
  last: { time: number; offset: number },
  reader: ByteReader,
): void {
  const code = reader.varint()
  if (code === NEVER) return
  if (code !== SAME_EVENT) {
    last.time = state.newest - (code - FURTHER)
    last.offset = reader.varint()
  }
  if (Number.isNaN(last.time)) throw new RangeError('a first value refers to one before it')
  state.numbers[at] = last.time
  state.numbers[at + 1] = last.offset
  const value = readValue(source, reader)
  if (text >= 0) state.texts[text] = value as string
  else state.numbers[at + 2] = value as number
}

/** Values with their newest tiles, in the order of the tiles and then of the values. */
export function writeDistinct(
  plan: DistinctPlan,
  values: DistinctValues | null,
  writer: ByteWriter,
): void {
  const entries = values === null ? [] : [...values.tiles]
  entries.sort(([a, tileA], [b, tileB]) => tileA - tileB || (a < b ? -1 : 1))
  writer.varint(entries.length)
  let last = 0
  entries.forEach(([value, tile], i) => {
    if (i === 0) writer.signed(tile)
    else writer.varint(tile - last)
    last = tile
    writeValue(plan.source, value, writer)
  })
}

export function readDistinct(plan: DistinctPlan, reader: ByteReader): DistinctValues | null {
  const count = reader.count()
  if (count === 0) return null
  const values = new DistinctValues()
  let tile = 0
  for (let i = 0; i < count; i++) {
    tile = i === 0 ? reader.signed() : tile + reader.varint()
    if (i === 0) values.oldest = tile
    values.tiles.set(readValue(plan.source, reader), tile)
  }
  return values
}

export function writeFirsts(
  plan: FirstPlan,
  events: readonly FirstEvent[] | null,
  writer: ByteWriter,
): void {
  writer.varint(events?.length ?? 0)
  let last = 0
  for (const { tile, at, offset, value } of events ?? []) {
    writer.signed(tile - last)
    last = tile
    writer.varint(at - tile * plan.tileMs)
    writer.varint(offset)
    if (value !== null) writeValue(plan.source, value, writer)
  }
}

export function readFirsts(plan: FirstPlan, reader: ByteReader): FirstEvent[] | null {
  const count = reader.count()
  const events: FirstEvent[] = []
  let tile = 0
  for (let i = 0; i < count; i++) {
    tile += reader.signed()
    const at = tile * plan.tileMs + reader.varint()
    const offset = reader.varint()
    const value = plan.source.carries === 'nothing' ? null : readValue(plan.source, reader)
    events.push({ tile, at, offset, value })
  }
  return count === 0 ? null : events
}

/** A value of the source's field: an enum as the index of its symbol. */
function writeValue({ fieldType }: Source, value: string | number, writer: ByteWriter): void {
  if (typeof value === 'number') writer.double(value)
  else if (fieldType?.symbols) writer.varint(fieldType.symbols.indexOf(value))
  else writer.text(value)
}

function readValue({ carries, fieldType }: Source, reader: ByteReader): string | number {
  if (carries === 'number') return reader.double()
  if (!fieldType?.symbols) return reader.text()
  const index = reader.varint()
  const symbol = fieldType.symbols[index]
  if (symbol === undefined) throw new RangeError(`${index} is not the index of a symbol`)
  return symbol
}

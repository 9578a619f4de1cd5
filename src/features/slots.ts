/** Values of which one is kept: newest and oldest events, and aggregates of the whole history. */
import type { CustomerAggregates } from './aggregates.js'
import { bigOf, bigSquareOf, SUM_SCALE } from './exact-big.js'
import { addSquare, addToSum } from './exact-sum.js'
import type { Extracted } from './extract.js'
import type { Plan, Slot } from './plan.js'
import { emptyOf } from './planner.js'
import { bigComponents, placeBig } from './tiles.js'

/** Lets an event of the slots' type into them. */
export function updateSlots(
  state: CustomerAggregates,
  plan: readonly Slot[],
  occurredAt: number,
  offset: number,
  extracted: Extracted,
): void {
  const { slots } = state
  for (let i = 0; i < plan.length; i++) {
    const slot = plan[i] as Slot
    const { kind, source, at } = slot
    if (extracted.hits[source.index] === 0) continue
    const value = extracted.numbers[source.index] as number
    switch (kind) {
      case 'newest':
        if (occurredAt > (slots[at] as number)) slots[at] = occurredAt
        break
      case 'oldest':
        if (occurredAt < (slots[at] as number)) slots[at] = occurredAt
        break
      case 'latest':
        if (isLater(slots, at, occurredAt, offset)) {
          placeEvent(state, slot, occurredAt, offset, extracted)
        }
        break
      case 'first':
        if (isEarlier(slots, at, occurredAt, offset)) {
          placeEvent(state, slot, occurredAt, offset, extracted)
        }
        break
      case 'count':
        slots[at] = (slots[at] as number) + 1
        break
      case 'sum':
        if (!addToSum(slots, at, value)) addBig(state, at, value, false)
        break
      case 'squares':
        if (!addSquare(slots, at, value)) addBig(state, at, value, true)
        break
      case 'min':
        if (!((slots[at] as number) <= value)) slots[at] = value
        break
      case 'max':
        if (!((slots[at] as number) >= value)) slots[at] = value
        break
    }
  }
}

function isLater(slots: readonly number[], at: number, time: number, offset: number): boolean {
  const known = slots[at] as number
  return time > known || (time === known && offset > (slots[at + 1] as number))
}

function isEarlier(slots: readonly number[], at: number, time: number, offset: number): boolean {
  const known = slots[at] as number
  return time < known || (time === known && offset < (slots[at + 1] as number))
}

function placeEvent(
  state: CustomerAggregates,
  { at, text, source }: Slot,
  occurredAt: number,
  offset: number,
  { numbers, texts }: Extracted,
): void {
  state.slots[at] = occurredAt
  state.slots[at + 1] = offset
  if (text >= 0) state.texts[text] = texts[source.index] as string
  else state.slots[at + 2] = numbers[source.index] as number
}

function addBig(state: CustomerAggregates, at: number, value: number, squares: boolean): void {
  const added = squares ? bigSquareOf(value) : bigOf(value, SUM_SCALE)
  const total = bigSlot(state, at, squares) + added
  if (placeBig(state.slots, at, total, squares)) state.bigs?.delete(at)
  else (state.bigs ??= new Map()).set(at, total)
}

/** The exact total of a sum or sum of squares slot. */
export function bigSlot(state: CustomerAggregates, at: number, squares: boolean): bigint {
  if (Number.isNaN(state.slots[at])) return state.bigs?.get(at) ?? 0n
  return bigComponents(state.slots, at, squares)
}

/** Forgets newest events that no window can reach at any instant from `keepFrom` on. */
export function clearStaleSlots(plan: Plan, state: CustomerAggregates, keepFrom: number): void {
  for (let i = 0; i < plan.slots.length; i++) {
    const slot = plan.slots[i] as Slot
    const time = state.slots[slot.at] as number
    if (slot.windows === null || time === -Infinity || isReached(slot, time, keepFrom)) continue
    emptyOf(slot.kind).forEach((value, n) => (state.slots[slot.at + n] = value))
    if (slot.text >= 0) state.texts[slot.text] = null
  }
}

function isReached({ windows }: Slot, time: number, asOf: number): boolean {
  for (const { lengthMs, tileMs } of windows ?? []) {
    if ((Math.floor(time / tileMs) + 1) * tileMs + lengthMs > asOf) return true
  }
  return false
}

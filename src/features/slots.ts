/** Values of which one is kept: newest and oldest events, and aggregates of the whole history. */
import { Extras, type CustomerAggregates } from './aggregates.js'
import { bigOf, bigSquareOf, SUM_SCALE } from './exact-big.js'
import { addSquare, addToSum } from './exact-sum.js'
import type { Extracted } from './extract.js'
import { HEAD, type Plan, type Slot } from './plan.js'
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
  const { numbers: slots } = state
  for (let i = 0; i < plan.length; i++) {
    const slot = plan[i]
    const { kind, source, at } = slot
    if (extracted.hits[source.index] === 0) continue
    const value = extracted.numbers[source.index]
    switch (kind) {
      case 'newest':
        if (occurredAt > slots[at]) {
          slots[at] = occurredAt
          if (slot.windows !== null) noteLeaving(slots, slot, occurredAt)
        }
        break
      case 'oldest':
        if (occurredAt < slots[at]) slots[at] = occurredAt
        break
      case 'latest':
        if (isLater(slots, at, occurredAt, offset)) {
          placeEvent(state, slot, occurredAt, offset, extracted)
          if (slot.windows !== null) noteLeaving(slots, slot, occurredAt)
        }
        break
      case 'first':
        if (isEarlier(slots, at, occurredAt, offset)) {
          placeEvent(state, slot, occurredAt, offset, extracted)
        }
        break
      case 'count':
        slots[at] = slots[at] + 1
        break
      case 'sum':
        if (!addToSum(slots, at, value)) addBig(state, at, value, false)
        break
      case 'squares':
        if (!addSquare(slots, at, value)) addBig(state, at, value, true)
        break
      case 'min':
        if (!(slots[at] <= value)) slots[at] = value
        break
      case 'max':
        if (!(slots[at] >= value)) slots[at] = value
        break
    }
  }
}

function isLater(slots: readonly number[], at: number, time: number, offset: number): boolean {
  const known = slots[at]
  return time > known || (time === known && offset > slots[at + 1])
}

function isEarlier(slots: readonly number[], at: number, time: number, offset: number): boolean {
  const known = slots[at]
  return time < known || (time === known && offset < slots[at + 1])
}

function placeEvent(
  state: CustomerAggregates,
  { at, text, source }: Slot,
  occurredAt: number,
  offset: number,
  { numbers, texts }: Extracted,
): void {
  state.numbers[at] = occurredAt
  state.numbers[at + 1] = offset
  if (text >= 0) state.texts[text] = texts[source.index]
  else state.numbers[at + 2] = numbers[source.index]
}

function addBig(state: CustomerAggregates, at: number, value: number, squares: boolean): void {
  const added = squares ? bigSquareOf(value) : bigOf(value, SUM_SCALE)
  const total = bigSlot(state, at, squares) + added
  if (placeBig(state.numbers, at, total, squares)) state.extras?.slots.delete(at)
  else (state.extras ??= new Extras()).slots.set(at, total)
}

/** The exact total of a sum or sum of squares slot. */
export function bigSlot({ numbers, extras }: CustomerAggregates, at: number, squares: boolean) {
  if (Number.isNaN(numbers[at])) return extras?.slots.get(at) ?? 0n
  return bigComponents(numbers, at, squares)
}

/**
 * Forgets newest events that no window can reach at any instant from `keepFrom` on; the instant
 * before which there will be none to forget.
 */
export function clearStaleSlots(plan: Plan, state: CustomerAggregates, keepFrom: number): number {
  let next = Infinity
  for (const slot of plan.windowedSlots) {
    const leaves = slotLeaves(slot, state.numbers[slot.at])
    if (leaves > keepFrom) next = Math.min(next, leaves)
    else if (leaves > -Infinity) {
      emptyOf(slot.kind).forEach((value, n) => (state.numbers[slot.at + n] = value))
      if (slot.text >= 0) state.texts[slot.text] = null
    }
  }
  return next
}

/** The instant from which no window reaches a slot's event; −Infinity where it has none. */
function slotLeaves({ windows }: Slot, time: number): number {
  let leaves = -Infinity
  for (const { lengthMs, tileMs } of windows ?? []) {
    leaves = Math.max(leaves, (Math.floor(time / tileMs) + 1) * tileMs + lengthMs)
  }
  return leaves
}

function noteLeaving(numbers: number[], slot: Slot, time: number): void {
  const leaves = slotLeaves(slot, time)
  if (leaves < numbers[HEAD.pruneAt]) numbers[HEAD.pruneAt] = leaves
}

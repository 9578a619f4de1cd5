/** Timers due within the same five minutes, put in order when the first of them is asked for. */
import type { TimerSlots } from './timer-slots.js'

export const bucketMs = 300_000
/** An entry is its offset in the bucket times this, plus its slot: one double. */
const slotsMax = 2 ** 32

export class Bucket {
  private entries: number[] = []
  /** Entries below have been taken. */
  private head = 0
  private sorted = true
  private readonly base: number

  constructor(
    number: number,
    private readonly slots: TimerSlots,
  ) {
    this.base = number * bucketMs
  }

  get length(): number {
    return this.entries.length - this.head
  }

  push(slot: number, due: number): void {
    this.entries.push((due - this.base) * slotsMax + slot)
    this.sorted = false
  }

  slotAt(place: number): number {
    return this.entries[this.head + place] % slotsMax
  }

  dueAt(place: number): number {
    return this.base + Math.floor(this.entries[this.head + place] / slotsMax)
  }

  /** Whether the entry is its customer's own: not replaced by another. */
  isLive(place: number): boolean {
    return this.slots.due(this.slotAt(place)) === this.dueAt(place)
  }

  /** Goes over to the next entry. */
  shift(): void {
    this.head++
  }

  /** Orders what is live, and leaves the rest out. */
  sort(): void {
    if (!this.sorted) this.order()
  }

  /** Leaves out what was replaced, and what lies here twice. */
  order(): void {
    const live = new Float64Array(this.length)
    let count = 0
    for (let place = 0; place < this.length; place++) {
      if (this.isLive(place)) live[count++] = this.entries[this.head + place]
    }
    const ordered = live.subarray(0, count).sort()
    this.entries = []
    this.head = 0
    this.sorted = true
    for (let i = 0; i < count; i++) {
      if (i === 0 || ordered[i] !== ordered[i - 1]) this.entries.push(ordered[i])
    }
    this.orderNames()
  }

  /** Entries of one instant are in the order of their customers, not of their slots. */
  private orderNames(): void {
    const { entries, slots } = this
    for (let from = 0; from < entries.length;) {
      let to = from + 1
      while (to < entries.length && this.dueAt(to) === this.dueAt(from)) to++
      if (to - from > 1) {
        const same = entries.slice(from, to)
        same.sort((a, b) => (slots.name(a % slotsMax) < slots.name(b % slotsMax) ? -1 : 1))
        for (let i = from; i < to; i++) entries[i] = same[i - from]
      }
      from = to
    }
  }
}

/**
 * Timers due within the same five minutes, put in order when the first of them is asked for.
 *
 * What is armed after that stays beside the ordered ones and is ordered alone: at midnight a million
 * customers may be due at one instant, and some of them again a minute later.
 */
import type { TimerSlots } from './timer-slots.js'

export interface Timer {
  readonly customer: string
  /** Whole ms since 1970. */
  readonly due: number
}

export const bucketMs = 300_000
/** An entry is its offset in the bucket times this, plus its slot: one double. */
const slotsMax = 2 ** 32

export class Bucket {
  /** In order, and how many of them have been taken. */
  private ordered: number[] = []
  private taken = 0
  /** Pushed since those were ordered; in order too, or not yet. */
  private late: number[] = []
  private lateTaken = 0
  private lateInOrder = true
  private readonly base: number

  constructor(
    number: number,
    private readonly slots: TimerSlots,
  ) {
    this.base = number * bucketMs
  }

  /** Entries that lie here, replaced ones too. */
  get length(): number {
    return this.ordered.length - this.taken + this.late.length - this.lateTaken
  }

  push(slot: number, due: number): void {
    this.late.push((due - this.base) * slotsMax + slot)
    this.lateInOrder = false
  }

  /** Puts the timers due at `asOf` behind `found`, in order, until it has `max` of them. */
  collect(asOf: number, max: number, found: Timer[]): void {
    this.order()
    const { ordered, late } = this
    let i = this.nextLive(ordered, this.taken)
    let j = this.nextLive(late, this.lateTaken)
    for (let last = -1; found.length < max;) {
      const entry = this.isLateNext(i, j) ? late[j] : ordered[i]
      if (entry === undefined || this.dueOf(entry) > asOf) return
      if (entry === late[j]) j = this.nextLive(late, j + 1)
      else i = this.nextLive(ordered, i + 1)
      // Armed, replaced and armed for the same instant again, an entry lies here twice.
      if (entry !== last) found.push(this.timer(entry))
      last = entry
    }
  }

  /** Takes out the first timer due at `asOf`, or null; replaced ones before it go too. */
  take(asOf: number): Timer | null {
    this.order()
    this.taken = this.nextLive(this.ordered, this.taken)
    this.lateTaken = this.nextLive(this.late, this.lateTaken)
    const isLate = this.isLateNext(this.taken, this.lateTaken)
    const entry = isLate ? this.late[this.lateTaken] : this.ordered[this.taken]
    if (entry === undefined || this.dueOf(entry) > asOf) return null
    if (isLate) this.lateTaken++
    else this.taken++
    this.slots.clear(entry % slotsMax)
    return this.timer(entry)
  }

  /** Leaves out what was replaced, and what lies here twice. */
  sweep(): void {
    this.ordered = this.ordered.slice(this.taken).filter((entry) => this.isLive(entry))
    this.taken = 0
    this.late = this.byNumber(this.late.slice(this.lateTaken))
    this.lateTaken = 0
    this.lateInOrder = this.late.length === 0
  }

  private order(): void {
    if (this.lateInOrder) return
    this.late = this.byNumber(this.late.slice(this.lateTaken))
    this.lateTaken = 0
    if (this.late.length > this.ordered.length - this.taken) {
      const all = this.ordered.slice(this.taken).concat(this.late)
      this.ordered = this.byNumber(all)
      this.taken = 0
      this.late = []
      this.orderNames(this.ordered)
    } else this.orderNames(this.late)
    this.lateInOrder = true
  }

  /** Live entries by instant and slot, each once. */
  private byNumber(entries: readonly number[]): number[] {
    const live = new Float64Array(entries.length)
    let count = 0
    for (const entry of entries) if (this.isLive(entry)) live[count++] = entry
    const sorted = live.subarray(0, count).sort()
    const once: number[] = []
    for (let i = 0; i < count; i++) {
      if (i === 0 || sorted[i] !== sorted[i - 1]) once.push(sorted[i])
    }
    return once
  }

  /** Entries of one instant are in the order of their customers, not of their slots. */
  private orderNames(entries: number[]): void {
    for (let from = 0; from < entries.length;) {
      const due = this.dueOf(entries[from])
      let to = from + 1
      while (to < entries.length && this.dueOf(entries[to]) === due) to++
      if (to - from > 1) {
        const names = entries.slice(from, to).map((entry) => this.slots.name(entry % slotsMax))
        const offset = entries[from] - (entries[from] % slotsMax)
        // Without a function of ours: at midnight there may be a million of them.
        names.sort().forEach((name, i) => (entries[from + i] = offset + this.slots.of(name)))
      }
      from = to
    }
  }

  /** The place of the first entry from `at` on that is its customer's own. */
  private nextLive(entries: readonly number[], at: number): number {
    let next = at
    while (next < entries.length && !this.isLive(entries[next])) next++
    return next
  }

  /** Of two entries that are live, or one past the end. */
  private isLateNext(at: number, lateAt: number): boolean {
    if (lateAt >= this.late.length) return false
    if (at >= this.ordered.length) return true
    const entry = this.ordered[at]
    const late = this.late[lateAt]
    const laterMs = this.dueOf(late) - this.dueOf(entry)
    if (laterMs !== 0) return laterMs < 0
    return this.slots.name(late % slotsMax) < this.slots.name(entry % slotsMax)
  }

  private dueOf(entry: number): number {
    return this.base + Math.floor(entry / slotsMax)
  }

  /** Whether the entry is its customer's own: neither taken nor replaced. */
  private isLive(entry: number): boolean {
    return this.slots.due(entry % slotsMax) === this.dueOf(entry)
  }

  private timer(entry: number): Timer {
    return { customer: this.slots.name(entry % slotsMax), due: this.dueOf(entry) }
  }
}

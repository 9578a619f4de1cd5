/**
 * When each customer's features change by themselves: the index behind "absence is an event".
 *
 * Owns one instant per customer, in memory. Does not own durability: timers are derived state, and
 * a restart arms them anew from the restored aggregates and the committed cursor.
 *
 * T1 A customer's entry is never later than the validUntil of his last row.
 * T2 Entries are served in the order (instant, customer); what lies at or before the cursor has
 *    been served.
 * T3 An entry is rewritten only when it becomes earlier or was served, so a busy customer costs
 *    nothing; an early entry that fires is armed anew without a row.
 *
 * Entries lie in buckets of five minutes that are put in order only when they become due: arming
 * costs a push, whatever the number of customers. A replaced entry stays in its bucket until the
 * bucket is due, or until there are more of them than customers: memory is bounded by the customers
 * even where nothing is served for long.
 *
 * A customer is a small number here, his slot, and an entry is one double: the garbage collector
 * marks a name a customer and nothing else, however many millions of them wait.
 */
import { Bucket, bucketMs, type Timer } from './timer-bucket.js'
import { TimerSlots } from './timer-slots.js'

export type { Timer } from './timer-bucket.js'

/** So few replaced entries, or customers who left, are not worth a sweep. */
const replacedMin = 1_000

/** All timers up to here have been served; `customer` null: all customers of that instant. */
export interface TimerCursor {
  readonly instant: number
  readonly customer: string | null
}

export class Timers {
  private readonly slots = new TimerSlots()
  private readonly buckets = new Map<number, Bucket>()
  /** Numbers of the buckets that exist, ascending. */
  private order: number[] = []
  /** Entries that lie in buckets, replaced ones too. */
  private lying = 0

  get size(): number {
    return this.slots.size
  }

  /** The instant at which a customer's entry fires; undefined: he has none. */
  dueOf(customer: string): number | undefined {
    const slot = this.slots.of(customer)
    const due = slot < 0 ? Number.NaN : this.slots.due(slot)
    return Number.isNaN(due) ? undefined : due
  }

  /**
   * Notes that a row was emitted at `asOf` and holds until `validUntil` (Infinity: for ever). An
   * entry that lies between stays (T3).
   */
  emitted(customer: string, asOf: number, validUntil: number): void {
    const slot = this.slots.of(customer)
    const due = slot < 0 ? Number.NaN : this.slots.due(slot)
    if (due > asOf && due <= validUntil) return
    this.replace(slot, customer, validUntil)
  }

  /** Sets a customer's entry, whatever it was. Infinity: none. */
  arm(customer: string, due: number): void {
    this.replace(this.slots.of(customer), customer, due)
  }

  private replace(known: number, customer: string, due: number): void {
    if (due === Infinity) {
      if (known >= 0) this.slots.remove(known)
      this.sweepIfDue()
      return
    }
    const slot = known < 0 ? this.slots.add(customer) : known
    this.slots.set(slot, due)
    const number = Math.floor(due / bucketMs)
    let bucket = this.buckets.get(number)
    if (bucket === undefined) {
      bucket = new Bucket(number, this.slots)
      this.buckets.set(number, bucket)
      this.order.splice(this.position(number), 0, number)
    }
    bucket.push(slot, due)
    this.lying++
    this.sweepIfDue()
  }

  private sweepIfDue(): void {
    const most = Math.max(replacedMin, this.slots.size)
    if (this.lying - this.slots.armed > most || this.slots.leftCount > most) this.sweep()
  }

  /** Drops the entries that were replaced; each of them has paid for it by being armed. */
  private sweep(): void {
    this.lying = 0
    for (const [number, bucket] of this.buckets) {
      bucket.sweep()
      this.lying += bucket.length
      if (bucket.length === 0) this.buckets.delete(number)
    }
    this.order = this.order.filter((number) => this.buckets.has(number))
    this.slots.swept()
  }

  /** The first up to `max` timers due at `asOf`, left where they are. */
  peek(asOf: number, max: number): Timer[] {
    const found: Timer[] = []
    for (const number of this.order) {
      if (number * bucketMs > asOf || found.length >= max) break
      const bucket = this.buckets.get(number)!
      const before = bucket.length
      bucket.collect(asOf, max, found)
      this.lying += bucket.length - before
    }
    return found
  }

  /** Takes out the first timer due at `asOf`, or null. Its customer has no entry afterwards. */
  take(asOf: number): Timer | null {
    while (this.order.length > 0) {
      const number = this.order[0]
      if (number * bucketMs > asOf) return null
      const bucket = this.buckets.get(number)!
      const before = bucket.length
      const timer = bucket.take(asOf)
      this.lying += bucket.length - before
      if (timer !== null) return timer
      if (bucket.length > 0) return null
      this.buckets.delete(number)
      this.order.shift()
    }
    return null
  }

  /** Puts back a timer that could not be served now. */
  putBack(timer: Timer): void {
    this.arm(timer.customer, timer.due)
  }

  /** The earliest entry's instant, or null without any. */
  first(): number | null {
    return this.peek(Number.MAX_SAFE_INTEGER, 1)[0]?.due ?? null
  }

  private position(number: number): number {
    let low = 0
    let high = this.order.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.order[middle] < number) low = middle + 1
      else high = middle
    }
    return low
  }
}

/** The instant from which a customer's timers are not yet served, for `nextChange`. */
export function servedUntil(cursor: TimerCursor, customer: string): number {
  const served = cursor.customer === null || customer <= cursor.customer
  return served ? cursor.instant : cursor.instant - 1
}

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
 * Entries lie in buckets of five minutes that are sorted only when they become due: arming costs
 * a push, whatever the number of customers. A replaced entry stays in its bucket until the bucket
 * is due, or until there are more of them than customers: memory is bounded by the customers even
 * where nothing is served for long.
 */

const bucketMs = 300_000
/** So few replaced entries are not worth a sweep. */
const replacedMin = 1_000

export interface Timer {
  readonly customer: string
  readonly due: number
}

/** One place for an entry, so that serving it looks its customer up once. */
class Armed implements Timer {
  /** Neither taken nor replaced. */
  live = true

  constructor(
    readonly customer: string,
    readonly due: number,
  ) {}
}

/** All timers up to here have been served; `customer` null: all customers of that instant. */
export interface TimerCursor {
  readonly instant: number
  readonly customer: string | null
}

class Bucket {
  readonly timers: Armed[] = []
  /** Timers below have been taken. */
  head = 0
  sorted = true

  push(timer: Armed): void {
    this.timers.push(timer)
    this.sorted = false
  }

  /** Leaves what is neither taken nor replaced, in its order; false where nothing is left. */
  dropReplaced(): boolean {
    let kept = 0
    for (let i = this.head; i < this.timers.length; i++) {
      const timer = this.timers[i]
      if (timer.live) this.timers[kept++] = timer
    }
    this.timers.length = kept
    this.head = 0
    return kept > 0
  }

  sort(): void {
    if (this.sorted) return
    if (this.head > 0) this.timers.splice(0, this.head)
    this.head = 0
    this.timers.sort(byInstant)
    this.sorted = true
  }
}

function byInstant(a: Timer, b: Timer): number {
  return a.due - b.due || (a.customer < b.customer ? -1 : a.customer > b.customer ? 1 : 0)
}

export class Timers {
  /** A taken entry stays until its customer is armed again, which follows at once. */
  private readonly armed = new Map<string, Armed>()
  private readonly buckets = new Map<number, Bucket>()
  /** Numbers of the buckets that exist, ascending. */
  private order: number[] = []
  /** Entries that lie in buckets, replaced before they were taken. */
  private replaced = 0

  get size(): number {
    return this.armed.size
  }

  /** The instant at which a customer's entry fires; undefined: he has none. */
  dueOf(customer: string): number | undefined {
    const timer = this.armed.get(customer)
    return timer?.live === true ? timer.due : undefined
  }

  /**
   * Notes that a row was emitted at `asOf` and holds until `validUntil` (Infinity: for ever). An
   * entry that lies between stays (T3).
   */
  emitted(customer: string, asOf: number, validUntil: number): void {
    const timer = this.armed.get(customer)
    if (timer?.live === true && timer.due > asOf && timer.due <= validUntil) return
    this.replace(timer, customer, validUntil)
  }

  /** Sets a customer's entry, whatever it was. Infinity: none. */
  arm(customer: string, due: number): void {
    this.replace(this.armed.get(customer), customer, due)
  }

  private replace(before: Armed | undefined, customer: string, due: number): void {
    if (before?.live === true) {
      before.live = false
      this.replaced++
    }
    if (due === Infinity) {
      if (before !== undefined) this.armed.delete(customer)
      return
    }
    const timer = new Armed(customer, due)
    this.armed.set(customer, timer)
    const number = Math.floor(due / bucketMs)
    let bucket = this.buckets.get(number)
    if (bucket === undefined) {
      bucket = new Bucket()
      this.buckets.set(number, bucket)
      this.order.splice(this.position(number), 0, number)
    }
    bucket.push(timer)
    if (this.replaced > replacedMin && this.replaced > this.armed.size) this.sweep()
  }

  /** Drops the entries that were replaced; each of them has paid for it by being armed. */
  private sweep(): void {
    this.replaced = 0
    for (const [number, bucket] of this.buckets) {
      if (!bucket.dropReplaced()) this.buckets.delete(number)
    }
    this.order = this.order.filter((number) => this.buckets.has(number))
  }

  /** The first up to `max` timers due at `asOf`, left where they are. */
  peek(asOf: number, max: number): Timer[] {
    const found: Timer[] = []
    for (const number of this.order) {
      if (number * bucketMs > asOf || found.length >= max) break
      const bucket = this.buckets.get(number)!
      bucket.sort()
      for (let i = bucket.head; i < bucket.timers.length && found.length < max; i++) {
        const timer = bucket.timers[i]
        if (timer.due > asOf) break
        if (timer.live) found.push(timer)
      }
    }
    return found
  }

  /** Takes out the first timer due at `asOf`, or null. Its customer has no entry afterwards. */
  take(asOf: number): Timer | null {
    while (this.order.length > 0) {
      const number = this.order[0]
      if (number * bucketMs > asOf) return null
      const bucket = this.buckets.get(number)!
      bucket.sort()
      while (bucket.head < bucket.timers.length) {
        const timer = bucket.timers[bucket.head]
        if (timer.due > asOf) return null
        bucket.head++
        if (!timer.live) {
          this.replaced--
          continue
        }
        timer.live = false
        return timer
      }
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

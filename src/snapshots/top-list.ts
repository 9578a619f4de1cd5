/** One customer in a ranking. */
export interface Ranked {
  readonly customer: string
  /** More is higher. */
  readonly value: number
}

/** Kept of the highest; the rest of twice as many is dropped together, which costs nothing a put. */
const KEPT = 200

/**
 * The highest of a ranking, without the rest of it in memory.
 *
 * T1 Nobody outside is above the floor, and everybody inside is: what it answers is exact, and it
 *    grows short where members fall below the floor. It is then made anew from all customers.
 */
export class TopList<R extends Ranked> {
  readonly #members = new Map<string, R>()
  /** The highest who was turned away, or dropped; null: nobody. */
  #floor: Ranked | null = null

  /** Whether he would be a member. */
  admits(customer: string, value: number): boolean {
    const floor = this.#floor
    if (floor === null) return true
    return value === floor.value ? customer < floor.customer : value > floor.value
  }

  has(customer: string): boolean {
    return this.#members.has(customer)
  }

  /** Takes him in at his new place, or drops him. */
  place(ranked: R): void {
    if (!this.admits(ranked.customer, ranked.value)) return this.drop(ranked.customer)
    this.#members.set(ranked.customer, ranked)
    if (this.#members.size > 2 * KEPT) this.#trim()
  }

  drop(customer: string): void {
    this.#members.delete(customer)
  }

  /** The highest first; of equal ones, by id. */
  best(limit: number): R[] {
    return this.#sorted().slice(0, limit)
  }

  /** Whether somebody may be outside who belongs among the highest `limit`. */
  isShort(limit: number): boolean {
    return this.#floor !== null && this.#members.size < limit
  }

  customers(): Iterable<string> {
    return this.#members.keys()
  }

  #trim(): void {
    const dropped = this.#sorted().slice(KEPT)
    // Everybody inside was above the floor before, so the first who leaves is the new one.
    this.#floor = dropped[0]
    for (const { customer } of dropped) this.#members.delete(customer)
  }

  #sorted(): R[] {
    return [...this.#members.values()].sort((a, b) => (isAbove(a, b) ? -1 : 1))
  }
}

function isAbove(one: Ranked, other: Ranked): boolean {
  return one.value === other.value ? one.customer < other.customer : one.value > other.value
}

/**
 * Customers as small numbers, and the instant at which each one's timer is due.
 *
 * A slot that was left may still lie in buckets, in the place of its customer's name, so it is
 * given to nobody else before those have been swept.
 */
export class TimerSlots {
  private readonly numbers = new Map<string, number>()
  private readonly names: string[] = []
  private dues = new Float64Array(1024)
  private free: number[] = []
  private left: number[] = []
  /** Customers that have an entry now. */
  armed = 0

  get size(): number {
    return this.numbers.size
  }

  /** Slots that wait for a sweep. */
  get leftCount(): number {
    return this.left.length
  }

  /** The slot of a customer, or −1. */
  of(customer: string): number {
    return this.numbers.get(customer) ?? -1
  }

  add(customer: string): number {
    const slot = this.free.pop() ?? this.names.length
    this.names[slot] = customer
    this.numbers.set(customer, slot)
    if (slot === this.dues.length) {
      const dues = new Float64Array(2 * slot)
      dues.set(this.dues)
      this.dues = dues
    }
    this.dues[slot] = Number.NaN
    return slot
  }

  remove(slot: number): void {
    this.clear(slot)
    this.numbers.delete(this.names[slot])
    this.names[slot] = ''
    this.left.push(slot)
  }

  /** No bucket holds a slot any more that was left. */
  swept(): void {
    this.free = this.free.concat(this.left)
    this.left = []
  }

  name(slot: number): string {
    return this.names[slot]
  }

  /** Not a number without an entry. */
  due(slot: number): number {
    return this.dues[slot]
  }

  set(slot: number, due: number): void {
    if (Number.isNaN(this.dues[slot])) this.armed++
    this.dues[slot] = due
  }

  clear(slot: number): void {
    if (!Number.isNaN(this.dues[slot])) this.armed--
    this.dues[slot] = Number.NaN
  }
}

/** What the disk has beside each customer's row, as of the last write. */
import { RecentSlots } from '../recent-slots.js'
import { type Facts, factsStride, loadFacts, openEnd, type StoredFacts } from './facts.js'

/** Customers in memory: some forty megabytes. */
const keptMax = 100_000
/** Customers of an array: as many as fill a quarter of a megabyte. */
const CHUNK = 1024

export class KnownFacts {
  readonly #slots = new RecentSlots<string>(keptMax)
  readonly #chunks: Facts[] = []
  #isScanned = false

  constructor(
    private readonly stored: {
      rows(customers: readonly string[]): Promise<readonly (StoredFacts | null)[]>
    },
  ) {}

  /** The customer's slot, which is his until others are put; -1: he is not in memory. */
  find(customer: string): number {
    const slot = this.#slots.find(customer)
    if (slot >= 0) this.#slots.use(slot)
    return slot
  }

  /** Whether all customers of the disk are in memory: anybody else is new there. */
  get isWhole(): boolean {
    return this.#isScanned && this.#hasRoom
  }

  /**
   * Facts that a scan has found. Whoever is in memory has newer ones; once somebody may have left,
   * nobody else is taken.
   */
  found(customer: string, facts: StoredFacts): void {
    if (this.#isScanned || !this.#hasRoom || this.#slots.find(customer) >= 0) return
    const slot = this.#take(customer)
    loadFacts(this.chunkOf(slot), this.placeOf(slot), facts)
  }

  /** A scan has found everybody. */
  scanned(): void {
    this.#isScanned = true
  }

  /** Those of the disk. */
  read(customers: readonly string[]): Promise<readonly (StoredFacts | null)[]> {
    return this.stored.rows(customers)
  }

  /** The array with a slot's facts, which begin at `placeOf(slot)`. */
  chunkOf(slot: number): Facts {
    return this.#chunks[Math.floor(slot / CHUNK)]
  }

  placeOf(slot: number): number {
    return (slot % CHUNK) * factsStride
  }

  copy(slot: number, into: Facts): void {
    const chunk = this.chunkOf(slot)
    const from = this.placeOf(slot)
    const end = openEnd(chunk, from) - from
    for (let at = 0; at < end; at++) into[at] = chunk[from + at]
  }

  put(customer: string, facts: Facts): void {
    const known = this.find(customer)
    const slot = known < 0 ? this.#take(customer) : known
    this.chunkOf(slot).set(facts, this.placeOf(slot))
  }

  /** Whether nobody has been forgotten yet. */
  get #hasRoom(): boolean {
    return this.#slots.size < this.#slots.max
  }

  #take(customer: string): number {
    const slot = this.#slots.take(customer)
    if (slot === this.#chunks.length * CHUNK)
      this.#chunks.push(new Float64Array(CHUNK * factsStride))
    return slot
  }
}

/** How many changes the disk has of each customer, as of the last write. */

/** Counts in memory: some ten megabytes. */
const keptMax = 100_000

export class ChangeCounts {
  /** In order of the last write, oldest first. */
  readonly #kept = new Map<string, number>()

  constructor(
    private readonly read: (customers: readonly string[]) => Promise<readonly number[]>,
  ) {}

  async of(customers: readonly string[]): Promise<readonly number[]> {
    const counts = customers.map((customer) => this.#kept.get(customer))
    const missing = customers.filter((_, index) => counts[index] === undefined)
    if (missing.length === 0) return counts as number[]
    const read = await this.read(missing)
    let next = 0
    return counts.map((count) => count ?? read[next++])
  }

  set(customer: string, count: number): void {
    this.#kept.delete(customer)
    this.#kept.set(customer, count)
    if (this.#kept.size <= keptMax) return
    for (const oldest of this.#kept.keys()) {
      this.#kept.delete(oldest)
      return
    }
  }
}

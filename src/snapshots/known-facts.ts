/** What the disk has beside each customer's row, as of the last write. */
import { RecentMap } from '../recent-map.js'
import { noFacts, type StoredFacts } from './snapshot-row.js'

/** Customers in memory: some twenty megabytes. */
const keptMax = 100_000

export class KnownFacts {
  readonly #kept = new RecentMap<string, StoredFacts>(keptMax)

  constructor(
    private readonly stored: {
      rows(customers: readonly string[]): Promise<readonly (StoredFacts | null)[]>
    },
  ) {}

  async of(customers: readonly string[]): Promise<readonly StoredFacts[]> {
    const facts = customers.map((customer) => this.#kept.get(customer))
    const missing = customers.filter((_, index) => facts[index] === undefined)
    if (missing.length === 0) return facts as StoredFacts[]
    const read = await this.stored.rows(missing)
    let next = 0
    return facts.map((known) => known ?? read[next++] ?? noFacts)
  }

  set(customer: string, facts: StoredFacts): void {
    this.#kept.set(customer, facts)
  }
}

import type { RedisKeys } from './redis-keys.js'
import type { RedisLink } from './redis-link.js'
import type { RedisRow } from './redis-row.js'

const SAMPLE_ROWS = 1024
const REMEMBERED_A_WRITE = 64
const CHECKED_AT_ONCE = 32

/**
 * Some of the rows that Redis acknowledged, looked at again a few at a time: what somebody deleted,
 * or a server lost without a sign, shows sooner or later.
 */
export class RedisSample {
  /** By customer; those that were looked at last are at the end. */
  readonly #rows = new Map<string, { readonly partition: number; readonly version: number }>()

  constructor(
    private readonly link: RedisLink,
    private readonly keys: RedisKeys,
  ) {}

  /** These are in Redis now. */
  remember(rows: readonly RedisRow[]): void {
    const step = Math.max(1, Math.floor(rows.length / REMEMBERED_A_WRITE))
    rows.forEach(({ customer, partition, version, features }, index) => {
      // A tombstone ends by itself.
      if (features === null) this.#rows.delete(customer)
      else if (index % step === 0) this.#rows.set(customer, { partition, version })
    })
    for (const customer of this.#rows.keys()) {
      if (this.#rows.size <= SAMPLE_ROWS) break
      this.#rows.delete(customer)
    }
  }

  /** These are no longer there, as they should. */
  leave(customers: readonly string[]): void {
    for (const customer of customers) this.#rows.delete(customer)
  }

  /** What is known to be lost, or is not looked after any more, is no sign of anything. */
  forget(partition: number): void {
    for (const [customer, row] of this.#rows) {
      if (row.partition === partition) this.#rows.delete(customer)
    }
  }

  /** The partitions of those of the next few that are gone, or older than they were. */
  async missing(): Promise<ReadonlySet<number>> {
    const checked = [...this.#rows].slice(0, CHECKED_AT_ONCE)
    if (checked.length === 0) return new Set()
    const calls = checked.map(([customer]) => ({
      command: 'hget',
      keys: [this.keys.customer(customer)],
      rest: ['version'],
    }))
    const versions = (await this.link.send(calls, 'looking at a sample')) as (Buffer | null)[]
    const partitions = new Set<number>()
    checked.forEach(([customer, row], index) => {
      const version = Number(versions[index]?.toString() ?? -1)
      // Meanwhile he may have left as he should, or another row of his may have come.
      const now = this.#rows.get(customer)
      if (now === undefined) return
      if (version < row.version) partitions.add(row.partition)
      this.#rows.delete(customer)
      this.#rows.set(customer, now)
    })
    return partitions
  }
}

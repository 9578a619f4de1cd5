import { historyCall, historyFrom, type RedisChange } from './redis-changes.js'
import type { RedisKeys } from './redis-keys.js'
import type { RedisLink } from './redis-link.js'
import { readFields, type RedisRow, rowFrom } from './redis-row.js'
import { snapshotOf, type SnapshotRow } from './snapshot-row.js'
import type { Snapshot } from './snapshots.js'

/** Customers asked for in one pipeline. */
const READ_AT_ONCE = 1000

/** Reads snapshots: what waits here for Redis first, the rest from there. */
export class RedisReader {
  constructor(
    private readonly link: RedisLink,
    private readonly keys: RedisKeys,
  ) {}

  async getMany(
    customers: readonly string[],
    waiting: { find(customer: string): RedisRow | undefined },
  ): Promise<(Snapshot | null)[]> {
    const rows = customers.map((customer) => waiting.find(customer))
    // A row that was put late may be older than the one in Redis.
    const asked = customers.filter((_, index) => rows[index]?.sure !== true)
    const stored = new Map<string, SnapshotRow | null>()
    for (let from = 0; from < asked.length; from += READ_AT_ONCE) {
      await this.#read(asked.slice(from, from + READ_AT_ONCE), stored)
    }
    return customers.map((customer, index) => {
      const row = rows[index]
      const read = stored.get(customer) ?? null
      const isStored = row === undefined || (read !== null && read.version >= row.version)
      return snapshotOf(customer, isStored ? read : row)
    })
  }

  async history(
    customer: string,
    waiting: { changesOf(customer: string): readonly RedisChange[] },
  ): Promise<readonly Uint8Array[]> {
    // Before they are asked for: what is sent meanwhile is in the answer, or here.
    const changes = waiting.changesOf(customer)
    const [reply] = await this.link.send([historyCall(this.keys, customer)], 'reading a history')
    return historyFrom(reply, changes)
  }

  /** One may come twice while the server's table shrinks, or a cluster moves slots. */
  async *scan(): AsyncGenerator<readonly Snapshot[]> {
    for await (const names of this.link.scan(this.keys.customers, 'scanning snapshots')) {
      const customers = names.map((name) => this.keys.customerOf(name))
      const stored = new Map<string, SnapshotRow | null>()
      await this.#read(customers, stored)
      const snapshots: Snapshot[] = []
      for (const [customer, row] of stored) {
        const snapshot = snapshotOf(customer, row)
        if (snapshot !== null) snapshots.push(snapshot)
      }
      if (snapshots.length > 0) yield snapshots
    }
  }

  async #read(customers: readonly string[], into: Map<string, SnapshotRow | null>): Promise<void> {
    const calls = customers.map((customer) => ({
      command: 'hmget',
      keys: [this.keys.customer(customer)],
      rest: readFields,
    }))
    const replies = (await this.link.send(calls, 'reading snapshots')) as (Buffer | null)[][]
    customers.forEach((customer, index) => into.set(customer, rowFrom(replies[index])))
  }
}

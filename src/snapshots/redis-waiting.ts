import type { RedisRow } from './redis-row.js'
import { rowBytes } from './snapshot-row.js'

/** The rows that wait for Redis, the newest of each customer, and those under way. */
export class WaitingRows {
  #waiting = new Map<string, RedisRow>()
  #underWay: ReadonlyMap<string, RedisRow> = new Map()
  #waitingBytes = 0
  #underWayBytes = 0

  /** Memory, roughly. */
  get bytes(): number {
    return this.#waitingBytes + this.#underWayBytes
  }

  get count(): number {
    return this.#waiting.size + this.#underWay.size
  }

  /** One that is not newer than what waits changes nothing (N1). */
  add(row: RedisRow): void {
    const { customer, version } = row
    const before = this.#waiting.get(customer)
    if (before !== undefined) {
      if (before.version >= version) return
      this.#waitingBytes -= rowBytes(customer, before)
    } else {
      const sent = this.#underWay.get(customer)
      if (sent !== undefined && sent.version >= version) return
    }
    this.#waiting.set(customer, row)
    this.#waitingBytes += rowBytes(customer, row)
  }

  find(customer: string): RedisRow | undefined {
    return this.#waiting.get(customer) ?? this.#underWay.get(customer)
  }

  /** All that waits is under way from now on, until `sent` or `failed`. */
  take(): readonly RedisRow[] {
    this.#underWay = this.#waiting
    this.#underWayBytes = this.#waitingBytes
    this.#waiting = new Map()
    this.#waitingBytes = 0
    return [...this.#underWay.values()]
  }

  sent(): void {
    this.#underWay = new Map()
    this.#underWayBytes = 0
  }

  /** What was under way waits again, behind what is newer. */
  failed(): void {
    const rows = this.#underWay
    this.sent()
    for (const row of rows.values()) this.add(row)
  }

  /** Forgets them all, and says whose partitions' they were. */
  drop(): ReadonlySet<number> {
    const partitions = new Set<number>()
    for (const { partition } of this.#waiting.values()) partitions.add(partition)
    for (const { partition } of this.#underWay.values()) partitions.add(partition)
    this.#waiting = new Map()
    this.#waitingBytes = 0
    this.sent()
    return partitions
  }
}

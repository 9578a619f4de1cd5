import { newestChanges, type RedisChange, type SentRow } from './redis-changes.js'
import { following, type RedisRow } from './redis-row.js'
import { rowBytes } from './snapshot-row.js'
import { keptChanges } from './stored-changes.js'

interface Waiting {
  row: RedisRow
  changes: RedisChange[]
}

/** The rows that wait for Redis, the newest of each customer with all that led there. */
export class WaitingRows {
  #waiting = new Map<string, Waiting>()
  #underWay: ReadonlyMap<string, Waiting> = new Map()
  #waitingBytes = 0
  #underWayBytes = 0

  /** Memory, roughly. */
  get bytes(): number {
    return this.#waitingBytes + this.#underWayBytes
  }

  /** Of those that are not under way. */
  get nextBytes(): number {
    return this.#waitingBytes
  }

  get count(): number {
    return this.#waiting.size + this.#underWay.size
  }

  /** A row that is not newer than what waits changes nothing (N1), its changes find their place. */
  add(row: RedisRow, changes: readonly RedisChange[] = []): void {
    const { customer, version } = row
    const held = this.#waiting.get(customer)
    if (held === undefined) {
      const sent = this.#underWay.get(customer)
      const isOld = sent !== undefined && sent.row.version >= version
      if (isOld && changes.length === 0) return
      const newest = isOld ? sent.row : row
      const added = { row: newest, changes: [...changes] }
      this.#waiting.set(customer, added)
      this.#waitingBytes += bytesOf(customer, added)
      return
    }
    this.#waitingBytes -= bytesOf(customer, held)
    const isNewer = version > held.row.version
    held.row = isNewer ? following(held.row, row) : following(row, held.row)
    held.changes.push(...changes)
    // Trimmed at twice its size, so that it costs nothing per row.
    if (held.changes.length > 2 * keptChanges) held.changes = [...newestChanges(held.changes)]
    this.#waitingBytes += bytesOf(customer, held)
  }

  find(customer: string): RedisRow | undefined {
    return (this.#waiting.get(customer) ?? this.#underWay.get(customer))?.row
  }

  changesOf(customer: string): readonly RedisChange[] {
    const held = [this.#underWay.get(customer), this.#waiting.get(customer)]
    return held.flatMap((one) => one?.changes ?? [])
  }

  /** All that waits is under way from now on, until `sent` or `failed`. */
  take(): readonly SentRow[] {
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
    for (const { row, changes } of rows.values()) this.add(row, changes)
  }

  /** Forgets them all, and says whose partitions' they were. */
  drop(): ReadonlySet<number> {
    const partitions = new Set<number>()
    for (const { row } of this.#waiting.values()) partitions.add(row.partition)
    for (const { row } of this.#underWay.values()) partitions.add(row.partition)
    this.#waiting = new Map()
    this.#waitingBytes = 0
    this.sent()
    return partitions
  }
}

function bytesOf(customer: string, { row, changes }: Waiting): number {
  let bytes = rowBytes(customer, row)
  for (const change of changes) bytes += 80 + (change.bytes?.length ?? 0)
  return bytes
}

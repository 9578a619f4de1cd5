/**
 * Keeps the top lists of the partitions that a snapshot store follows.
 *
 * Owns when they are made anew: when a partition is new, and when members have fallen below the rest
 * so that a list is short, at most once in `everyMs`. Does not own the rows.
 *
 * K1 While lists are made anew, the old ones answer, and are told as not complete.
 * K2 What a scan found may be overtaken by what was observed meanwhile: members are looked up again
 *    behind it, and versions decide.
 */
import { type NewestRow, type PartitionTop, type TopRow, TopLists } from './top-lists.js'

/** Where the rows of all customers are. */
export interface TopSource {
  /** Those that were stored before it is called, at least, in portions. */
  scan(): AsyncIterable<readonly TopRow[]>
  /** What is stored now; null: nothing. */
  rows(customers: readonly string[]): Promise<readonly (TopRow | null)[]>
}

export interface TopKeeperOptions {
  /** Between two scans, in ms of wall time. @default 60000 */
  readonly everyMs?: number
  /** Nobody else writes: behind the first scan, a partition that is new here is new. */
  readonly isSoleWriter?: boolean
}

export class TopKeeper {
  #lists = new Map<number, TopLists>()
  #making: Map<number, TopLists> | null = null
  /** Of which all customers have been looked at. */
  readonly #whole = new Set<number>()
  #madeAt = -Infinity
  /** A scan has come to its end. */
  #isScanned = false
  #closed = false
  #work: Promise<void> = Promise.resolve()

  constructor(
    private readonly source: TopSource,
    private readonly options: TopKeeperOptions = {},
  ) {}

  /** A row of a write, now that it is stored, as `TopLists.look` has it; `makeWhereDue` is next. */
  look(row: NewestRow, days: ArrayLike<number>, from: number, to: number): void {
    of(this.#lists, row.partition).look(row, days, from, to)
    if (this.#making !== null) of(this.#making, row.partition).look(row, days, from, to)
  }

  /** The rows of a write, now that it is stored; then what is due is begun. */
  observe(rows: Iterable<TopRow>): void {
    for (const row of rows) {
      of(this.#lists, row.partition).observe(row)
      if (this.#making !== null) of(this.#making, row.partition).observe(row)
    }
    this.makeWhereDue()
  }

  advance(partition: number, asOf: number): void {
    of(this.#lists, partition).advance(asOf)
    if (this.#making !== null) of(this.#making, partition).advance(asOf)
    this.makeWhereDue()
  }

  /** null: nothing was ever told of the partition. */
  answer(partition: number): PartitionTop | null {
    const lists = this.#lists.get(partition)
    return lists === undefined ? null : lists.answer(this.#isWhole(partition))
  }

  forget(partition: number): void {
    this.#lists.delete(partition)
    this.#making?.delete(partition)
    this.#whole.delete(partition)
  }

  /** Makes all lists anew. A failure leaves them as they are; it is tried again in its time. */
  make(): void {
    if (this.#making !== null || this.#closed) return
    this.#madeAt = performance.now()
    const making = new Map<number, TopLists>()
    this.#making = making
    this.#work = this.#make(making)
      .catch(() => undefined)
      .finally(() => (this.#making = null))
  }

  async close(): Promise<void> {
    this.#closed = true
    await this.#work
  }

  async #make(making: Map<number, TopLists>): Promise<void> {
    const followed = new Set(this.#lists.keys())
    for await (const portion of this.source.scan()) {
      if (this.#closed) return
      for (const row of portion) of(making, row.partition).found(row)
    }
    for (const lists of making.values()) {
      const members = lists.members()
      const rows = await this.source.rows(members)
      members.forEach((customer, index) => lists.confirm(customer, rows[index]))
    }
    if (this.#closed) return
    this.#isScanned = true
    for (const [partition, lists] of making) {
      this.#lists.set(partition, lists)
      followed.add(partition)
    }
    for (const partition of followed) if (this.#lists.has(partition)) this.#whole.add(partition)
  }

  #isWhole(partition: number): boolean {
    return this.#whole.has(partition) || (this.options.isSoleWriter === true && this.#isScanned)
  }

  makeWhereDue(): void {
    const { everyMs = 60_000 } = this.options
    if (this.#making !== null || performance.now() - this.#madeAt < everyMs) return
    for (const [partition, lists] of this.#lists) {
      if (!this.#isWhole(partition) || lists.isShort) return this.make()
    }
  }
}

function of(all: Map<number, TopLists>, partition: number): TopLists {
  let lists = all.get(partition)
  if (lists === undefined) {
    lists = new TopLists(partition)
    all.set(partition, lists)
  }
  return lists
}

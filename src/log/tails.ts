/**
 * The tail of each topic partition of a log in this process: where it ends, whether something is on
 * its way to it, and who waits for it.
 *
 * `end` is what is durable, never more: a reader that is bounded by it sees committed records only
 * (L3). A transaction that has appended and is not settled keeps the partition unsettled: a reader
 * must not claim then that it has caught up, for what is coming may be older than the claim.
 */

export interface TopicPartition {
  readonly topic: string
  readonly partition: number
}

/** A tail as it was at one instant. */
export interface TailView {
  /** ms UTC of the time base; null where the base is `none`. */
  readonly instant: number | null
  /** Exclusive: the offset behind the last durable record. */
  readonly end: number
  /** Whether no transaction had appended that was not settled. */
  readonly isSettled: boolean
  /** How many erasures there are at least. */
  readonly erasures: number
}

export class Tail implements TopicPartition {
  /** Exclusive: the offset behind the last durable record. */
  end = 0
  /** Transactions that have appended here and are neither committed nor aborted. */
  unsettled = 0
  readonly #waiting = new Set<() => void>()

  constructor(
    readonly topic: string,
    readonly partition: number,
  ) {}

  /** Records up to `end` are durable now; of writers that commit at once the last may be told first. */
  advance(end: number): void {
    this.end = Math.max(this.end, end)
    this.wake()
  }

  wake(): void {
    for (const resolve of this.#waiting) resolve()
    this.#waiting.clear()
  }

  /** Resolves when the tail advances or something wakes it, or after `waitMs` of wall time. */
  change(waitMs: number): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer)
        this.#waiting.delete(done)
        resolve()
      }
      const timer = setTimeout(done, waitMs)
      this.#waiting.add(done)
    })
  }
}

export class Tails {
  readonly #byTopic = new Map<string, Tail[]>()

  constructor(readonly partitionCount: number) {}

  /** @throws RangeError where the log has no such partition. */
  of(topic: string, partition: number): Tail {
    let tails = this.#byTopic.get(topic)
    if (tails === undefined) {
      tails = Array.from({ length: this.partitionCount }, (_, index) => new Tail(topic, index))
      this.#byTopic.set(topic, tails)
    }
    const tail = tails[partition]
    if (tail === undefined) {
      throw new RangeError(
        `the log has no partition ${partition} of ${topic}; it has ${this.partitionCount}`,
      )
    }
    return tail
  }

  /** Those that hold records, in no order that matters. */
  present(): Tail[] {
    return [...this.#byTopic.values()].flat().filter((tail) => tail.end > 0)
  }

  wakeAll(): void {
    for (const tails of this.#byTopic.values()) for (const tail of tails) tail.wake()
  }
}

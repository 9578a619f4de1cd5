import type { BatchBuilder } from './kafka-batch-builder.js'
import type { KafkaWriter } from './kafka-writer.js'
import type { LogRecord } from './log.js'
import type { Tail } from './tails.js'
import type { Draft } from './transaction.js'

/** A transaction's records on their way into record batches. */
export class KafkaDraft implements Draft {
  readonly #drafted = new Map<Tail, BatchBuilder[]>()
  /** Where that ended which is on the brokers already. */
  readonly #flushed = new Map<Tail, number>()

  constructor(
    readonly writer: KafkaWriter,
    /** Shown each commit, which has ended when it is settled here too. */
    readonly track: (committing: Promise<unknown>) => void,
  ) {}

  add(tail: Tail, record: LogRecord): number {
    let batches = this.#drafted.get(tail)
    if (batches === undefined) {
      batches = [this.writer.builders.take()]
      this.#drafted.set(tail, batches)
    }
    let batch = batches[batches.length - 1]
    const before = batch.size
    if (batch.add(record)) return batch.size - before
    batch = this.writer.builders.take()
    batches.push(batch)
    batch.add(record)
    return batch.size
  }

  commit(settle: () => void): Promise<ReadonlyMap<Tail, number>> {
    const committing = this.#commit(settle)
    this.track(committing)
    return committing
  }

  flush(): Promise<ReadonlyMap<Tail, number>> {
    const flushing = this.#flush()
    this.track(flushing)
    return flushing
  }

  discard(): void {
    this.#drafted.clear()
    if (this.#flushed.size > 0) this.writer.giveUp()
  }

  async #flush(): Promise<ReadonlyMap<Tail, number>> {
    const drafted = new Map(this.#drafted)
    this.#drafted.clear()
    const ends = await this.writer.send(drafted, this.#flushed.size > 0)
    for (const [tail, end] of ends) this.#flushed.set(tail, end)
    return ends
  }

  async #commit(settle: () => void): Promise<ReadonlyMap<Tail, number>> {
    const ends = new Map(this.#flushed)
    for (const [tail, end] of await this.writer.commit(this.#drafted, ends.size > 0))
      ends.set(tail, end)
    settle()
    // What a reader of this process must see before it may say that it is at the end.
    for (const [tail, end] of ends) tail.advance(end)
    return ends
  }
}

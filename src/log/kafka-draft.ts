import type { BatchBuilder } from './kafka-batch-builder.js'
import type { KafkaWriter } from './kafka-writer.js'
import type { LogRecord } from './log.js'
import type { Tail } from './tails.js'
import type { Draft } from './transaction.js'

/** A transaction's records on their way into record batches. */
export class KafkaDraft implements Draft {
  readonly #drafted = new Map<Tail, BatchBuilder[]>()

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

  discard(): void {
    this.#drafted.clear()
  }

  async #commit(settle: () => void): Promise<ReadonlyMap<Tail, number>> {
    const ends = await this.writer.commit(this.#drafted)
    settle()
    // What a reader of this process must see before it may say that it is at the end.
    for (const [tail, end] of ends) tail.advance(end)
    return ends
  }
}

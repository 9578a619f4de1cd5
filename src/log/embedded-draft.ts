import { BlockBuilder } from './embedded-block.js'
import type { Drafted, EmbeddedWriter } from './embedded-writer.js'
import type { LogRecord } from './log.js'
import type { Tail } from './tails.js'
import type { Draft } from './transaction.js'

/** A transaction's records on their way into blocks. */
export class BlockDraft implements Draft {
  readonly #drafted: Drafted = new Map()
  #bytes = 0

  constructor(readonly writer: EmbeddedWriter) {}

  add(tail: Tail, record: LogRecord): number {
    let blocks = this.#drafted.get(tail)
    if (blocks === undefined) {
      blocks = []
      this.#drafted.set(tail, blocks)
    }
    let block = blocks.at(-1)
    if (block === undefined || block.isFull) {
      block = new BlockBuilder()
      blocks.push(block)
    }
    const bytes = block.add(record)
    this.#bytes += bytes
    return bytes
  }

  commit(settle: () => void): Promise<ReadonlyMap<Tail, number>> {
    return this.writer.commit(this.#drafted, this.#bytes, settle)
  }

  discard(): void {
    this.#drafted.clear()
  }
}

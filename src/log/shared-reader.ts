/** A cursor over a partition whose tail is in another process: it asks instead of being woken. */
import { performance } from 'node:perf_hooks'
import type { Poll } from './log.js'
import { OnePollReader } from './one-poll.js'
import type { RecordSource } from './tail-reader.js'
import type { TailView, TopicPartition } from './tails.js'

/** How often the owner is asked while there is nothing new. */
const askAgainMs = 50

export class SharedReader extends OnePollReader {
  #offset: number
  /** The newest end that was told: no need to ask before it is near. */
  #end = 0
  #wake: (() => void) | null = null

  constructor(
    at: TopicPartition,
    private readonly tail: () => Promise<TailView>,
    private readonly source: RecordSource,
    fromOffset: number,
    private readonly onClose: (reader: SharedReader) => void,
  ) {
    super(at)
    this.#offset = fromOffset
  }

  get nextOffset(): number {
    return this.#offset
  }

  protected ending(): void {
    this.#wake?.()
    this.onClose(this)
  }

  protected release(): Promise<void> {
    return this.source.close()
  }

  protected async read(recordsMax: number, waitMs: number): Promise<Poll> {
    const until = performance.now() + waitMs
    for (;;) {
      const poll = await this.#read(recordsMax)
      const leftMs = until - performance.now()
      if (poll.records.length > 0 || leftMs <= 0 || this.closed) return poll
      await this.#pause(Math.min(leftMs, askAgainMs))
    }
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms)
      this.#wake = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }

  async #read(recordsMax: number): Promise<Poll> {
    if (this.closed) return { records: [], caughtUpAt: null, atEnd: false }
    // A poll that may reach the end has to know where that is now, and what the owner claims of it.
    const tail = this.#offset + recordsMax >= this.#end ? await this.tail() : null
    if (tail !== null) this.#end = tail.end
    const end = this.#end
    const records = this.#offset < end ? await this.source.next(this.#offset, end, recordsMax) : []
    const last = records.at(-1)
    if (last !== undefined) this.#offset = last.offset + 1
    const atEnd = this.#offset >= end
    const isCaughtUp = tail !== null && atEnd && tail.isSettled
    return { records, caughtUpAt: isCaughtUp ? tail.instant : null, atEnd }
  }
}

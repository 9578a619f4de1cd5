/**
 * The cursor that every in-process log hands out: it waits, counts and proves; where the records
 * come from is its source's business.
 */
import { performance } from 'node:perf_hooks'
import type { Poll, StoredRecord } from './log.js'
import { OnePollReader } from './one-poll.js'
import type { Tail } from './tails.js'
import type { LogClock } from './time-base.js'

export interface RecordSource {
  /**
   * The records from offset `from` on, in order, at least one and at most `recordsMax`, none at or
   * behind `end`. It is asked only while `from < end`.
   */
  next(from: number, end: number, recordsMax: number): Promise<readonly StoredRecord[]>
  close(): Promise<void>
}

export class TailReader extends OnePollReader {
  #offset: number

  constructor(
    readonly tail: Tail,
    readonly clock: LogClock,
    readonly source: RecordSource,
    fromOffset: number,
    readonly onClose: (reader: TailReader) => void,
  ) {
    super(tail)
    this.#offset = fromOffset
  }

  get nextOffset(): number {
    return this.#offset
  }

  protected ending(): void {
    this.tail.wake()
    this.onClose(this)
  }

  protected release(): Promise<void> {
    return this.source.close()
  }

  protected async read(recordsMax: number, waitMs: number): Promise<Poll> {
    if (this.#offset >= this.tail.end && waitMs > 0) await this.#wait(waitMs)
    return this.#read(recordsMax)
  }

  async #wait(waitMs: number): Promise<void> {
    const until = performance.now() + waitMs
    while (!this.closed && this.#offset >= this.tail.end) {
      const leftMs = until - performance.now()
      if (leftMs <= 0) return
      await this.tail.change(leftMs)
    }
  }

  async #read(recordsMax: number): Promise<Poll> {
    if (this.closed) return { records: [], caughtUpAt: null, atEnd: false }
    // The instant first, then the end: what is appended in between must not be claimed as seen.
    const instant = this.clock.now()
    const end = this.tail.end
    const settled = this.tail.unsettled === 0
    const records = this.#offset < end ? await this.source.next(this.#offset, end, recordsMax) : []
    const last = records.at(-1)
    if (last !== undefined) this.#offset = last.offset + 1
    const caughtUp = this.#offset >= end && settled
    return { records, caughtUpAt: caughtUp ? instant : null, atEnd: this.#offset >= this.tail.end }
  }
}

/**
 * The cursor that every in-process log hands out: it waits, counts and proves; where the records
 * come from is its source's business.
 */
import { performance } from 'node:perf_hooks'
import { ioError } from '../errors.js'
import type { LogReader, Poll, StoredRecord } from './log.js'
import type { Tail, TopicPartition } from './tails.js'
import type { LogClock } from './time-base.js'

export interface RecordSource {
  /**
   * The records from offset `from` on, in order, at least one and at most `recordsMax`, none at or
   * behind `end`. It is asked only while `from < end`.
   */
  next(from: number, end: number, recordsMax: number): Promise<readonly StoredRecord[]>
  close(): Promise<void>
}

export class TailReader implements LogReader {
  #offset: number
  #closed = false
  #polling: Promise<Poll> | null = null

  constructor(
    readonly tail: Tail,
    readonly clock: LogClock,
    readonly source: RecordSource,
    fromOffset: number,
    readonly onClose: (reader: TailReader) => void,
  ) {
    this.#offset = fromOffset
  }

  get nextOffset(): number {
    return this.#offset
  }

  async poll(recordsMax: number, waitMs: number): Promise<Poll> {
    if (this.#closed) throw readerClosed(this.tail)
    if (this.#polling) throw new Error('one poll at a time: the one before has not resolved')
    this.#polling = this.#poll(recordsMax, waitMs)
    try {
      return await this.#polling
    } finally {
      this.#polling = null
    }
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    this.tail.wake()
    this.onClose(this)
    // A poll that is under way ends first: its source must not be taken from under it.
    await this.#polling?.catch(() => {})
    await this.source.close()
  }

  async #poll(recordsMax: number, waitMs: number): Promise<Poll> {
    if (this.#offset >= this.tail.end && waitMs > 0) await this.#wait(waitMs)
    return this.#read(recordsMax)
  }

  async #wait(waitMs: number): Promise<void> {
    const until = performance.now() + waitMs
    while (!this.#closed && this.#offset >= this.tail.end) {
      const leftMs = until - performance.now()
      if (leftMs <= 0) return
      await this.tail.change(leftMs)
    }
  }

  async #read(recordsMax: number): Promise<Poll> {
    if (this.#closed) return { records: [], caughtUpAt: null, atEnd: false }
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

/** What a poll, an append or a commit says after its log was closed. */
export function readerClosed(tail: TopicPartition): Error {
  return ioError(
    'LOG_CLOSED',
    `poll of ${tail.topic} partition ${tail.partition}: the reader or its log has been closed`,
  )
}

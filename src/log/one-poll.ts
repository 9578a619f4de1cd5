import { ioError } from '../errors.js'
import type { LogReader, Poll } from './log.js'
import type { TopicPartition } from './tails.js'

/** What cursors over a partition do alike: one poll at a time, and a close that ends it first. */
export abstract class OnePollReader implements LogReader {
  protected closed = false
  #polling: Promise<Poll> | null = null

  constructor(private readonly place: TopicPartition) {}

  abstract readonly nextOffset: number

  /** One poll; it looks at `closed` whenever it has waited. */
  protected abstract read(recordsMax: number, waitMs: number): Promise<Poll>

  /** Closed just now: a poll under way is woken. */
  protected abstract ending(): void

  /** Behind the poll under way, from which nothing must be taken before. */
  protected abstract release(): Promise<void>

  async poll(recordsMax: number, waitMs: number): Promise<Poll> {
    if (this.closed) throw readerClosed(this.place)
    if (this.#polling) throw new Error('one poll at a time: the one before has not resolved')
    this.#polling = this.read(recordsMax, waitMs)
    try {
      return await this.#polling
    } finally {
      this.#polling = null
    }
  }

  async close(): Promise<void> {
    if (this.closed) return
    this.closed = true
    this.ending()
    await this.#polling?.catch(() => undefined)
    await this.release()
  }
}

/** What a poll says after its reader or its log was closed. */
function readerClosed({ topic, partition }: TopicPartition): Error {
  const text = `poll of ${topic} partition ${partition}: the reader or its log has been closed`
  return ioError('LOG_CLOSED', text)
}

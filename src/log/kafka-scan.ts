/**
 * What only a look at the records tells: the last one of a partition, and who was erased in it.
 *
 * The end that the brokers tell is behind marks and aborted records too, so the last record is
 * looked for backwards from there, in windows that grow.
 */
import type { KafkaEnds } from './kafka-ends.js'
import { ErasureIndex } from './erasure-index.js'
import type { LogReader, StoredRecord } from './log.js'
import type { Tail } from './tails.js'

const windowMin = 64
const windowGrowth = 16
const recordsPerPoll = 1024

interface KnownEnd {
  /** The end that the brokers told. */
  readonly stable: number
  readonly endOffset: number
}

export class KafkaScan {
  readonly #ends = new Map<Tail, KnownEnd>()
  readonly #erasures = new Map<Tail, { index: ErasureIndex; endOffset: number }>()
  #scanning: Promise<unknown> = Promise.resolve()

  constructor(
    readonly ends: KafkaEnds,
    readonly reader: (tail: Tail, fromOffset: number) => LogReader,
  ) {}

  /** Exclusive: the offset behind the last committed record; asked often, looked for seldom. */
  async endOffset(tail: Tail): Promise<number> {
    const stable = await this.#stable(tail)
    const known = this.#ends.get(tail)
    if (known?.stable === stable) return known.endOffset
    return this.#endOf(tail, stable, await this.#lastBelow(tail, stable))
  }

  async last(tail: Tail): Promise<StoredRecord | null> {
    const stable = await this.#stable(tail)
    const last = await this.#lastBelow(tail, stable)
    await this.#endOf(tail, stable, last)
    return last
  }

  /** See `EventLog.erasures`. What was read once is not read again. */
  erasures(tail: Tail, endOffset: number): Promise<Map<string, number>> {
    const turn = this.#scanning.then(async () => {
      const end = Math.min(endOffset, await this.endOffset(tail))
      const start = await this.ends.offset(tail, 'start')
      const scanned = this.#erasures.get(tail) ?? { index: new ErasureIndex(), endOffset: start }
      this.#erasures.set(tail, scanned)
      await this.#read(tail, scanned.endOffset, end, ({ key, value, offset }) => {
        if (value === null) scanned.index.add(key, offset)
        scanned.endOffset = offset + 1
      })
      return scanned.index.below(endOffset)
    })
    this.#scanning = turn.catch(() => undefined)
    return turn
  }

  async #endOf(tail: Tail, stable: number, last: StoredRecord | null): Promise<number> {
    const endOffset = last === null ? await this.ends.offset(tail, 'start') : last.offset + 1
    this.#ends.set(tail, { stable, endOffset })
    return endOffset
  }

  /** As the brokers tell, once they have all that this process has committed. */
  async #stable(tail: Tail): Promise<number> {
    const shown = this.ends.cluster.deadline(`what was committed to ${tail.topic}`)
    for (;;) {
      const stable = await this.ends.offset(tail, 'stable')
      if (stable >= tail.end) return stable
      shown.check()
      await tail.change(2)
    }
  }

  async #lastBelow(tail: Tail, stable: number): Promise<StoredRecord | null> {
    const start = await this.ends.offset(tail, 'start')
    for (let window = windowMin, end = stable; end > start; window *= windowGrowth) {
      const from = Math.max(start, stable - window)
      let last: StoredRecord | null = null
      await this.#read(tail, from, end, (record) => (last = record))
      if (last !== null) return last
      end = from
    }
    return null
  }

  async #read(
    tail: Tail,
    from: number,
    end: number,
    see: (record: StoredRecord) => void,
  ): Promise<void> {
    if (from >= end) return
    const reader = this.reader(tail, from)
    try {
      for (let isThrough = false; !isThrough;) {
        const { records, atEnd } = await reader.poll(recordsPerPoll, 0)
        for (const record of records) {
          if (record.offset < end) see(record)
          else isThrough = true
        }
        isThrough ||= atEnd
      }
    } finally {
      await reader.close()
    }
  }
}

/** The state of one partition at one commit after the other, made again by the live operators. */
import { lastValueFrom, map, of, type OperatorFunction } from 'rxjs'
import type { StoredRecord } from '../log/log.js'
import { aggregate } from '../operators/aggregate.js'
import type { Batch } from '../operators/batch.js'
import { decode, type RecordBatch } from '../operators/decode.js'
import { judge } from '../operators/judge.js'
import { load } from '../operators/load.js'
import type { Position } from '../operators/position.js'
import { Progress } from '../operators/progress.js'
import { Overlay } from '../state/overlay.js'
import type { Store } from '../state/store.js'
import { Timers } from '../state/timers.js'
import { Flusher } from '../topology/flusher.js'
import { defaultSettings } from '../topology/settings.js'
import type { VerifyOptions } from './verify-options.js'

/** What the input of one commit asks for. */
export interface Due {
  /** Customers with an accepted event that no erasure followed. */
  readonly touched: Set<string>
  /** Customers erased and not seen since. */
  readonly erased: Set<string>
}

export class DerivedState<S> {
  readonly progress: Progress
  private readonly overlay: Overlay<S>
  private readonly flusher: Flusher<S>
  private readonly run: OperatorFunction<RecordBatch, Batch<S>>

  /** `store` takes what does not fit memory; it must be empty. */
  constructor(
    options: VerifyOptions<S>,
    partition: number,
    store: Store,
    startOffset: number,
    isSampled: (customer: string) => boolean,
  ) {
    const { program, codec, rules, log, topics, hotBytesMax } = options
    const settings = { ...defaultSettings, flushEveryMs: Infinity }
    const bounds = hotBytesMax === undefined ? settings : { ...settings, hotBytesMax }
    this.progress = new Progress(null, startOffset)
    this.overlay = new Overlay(store, program.codec, bounds)
    this.flusher = new Flusher(this.overlay, bounds, null)
    const place = { rules, partition, partitions: log.partitions(topics.events) }
    const nobodysTimers = new Timers()
    this.run = (batches) =>
      batches.pipe(
        decode<S>(codec),
        load(this.overlay, nobodysTimers, this.progress, 0),
        judge(program, this.overlay, this.progress, place),
        map((batch) => ({
          ...batch,
          items: batch.items.filter(({ customer }) => isSampled(customer)),
        })),
        aggregate(program),
      )
  }

  /** Follows the input by some records; what becomes due is added. */
  async follow(records: readonly StoredRecord[], due: Due): Promise<void> {
    const endOffset = records[records.length - 1].offset + 1
    const batch = { records, bytes: 0, endOffset, tick: null, atEnd: false }
    const { items } = await lastValueFrom(of(batch).pipe(this.run))
    for (const { outcome, customer } of items) {
      if (outcome === 'accepted') {
        due.touched.add(customer)
        due.erased.delete(customer)
      } else if (outcome === 'erasure') {
        due.touched.delete(customer)
        due.erased.add(customer)
      }
    }
  }

  /** Makes customers resident, so that `of` has them. */
  async load(customers: Iterable<string>): Promise<void> {
    const missing = [...customers].filter((customer) => this.overlay.entry(customer) === null)
    if (missing.length > 0) await this.overlay.fetch(missing, 'event')
  }

  /** The state of a resident customer. */
  of(customer: string): S {
    return this.overlay.entry(customer)!.state
  }

  /** Lets the store take over what has gathered, now and then. */
  committed(position: Position): void {
    this.flusher.closed(position)
    this.flusher.delivered(position)
  }

  /** Resolves when nothing is being written. */
  settled(): Promise<void> {
    return this.flusher.settled()
  }
}

/**
 * An output topic read commit by commit.
 *
 * M1 Records stand in commit order. One that cannot be read, or whose commit does not fit between
 *    its neighbours', is handed over as astray with the commit where it stands, so that one damaged
 *    record hides nothing behind it.
 */
import type { EventLog, LogReader, StoredRecord } from '../log/log.js'
import { commitOf } from '../events/output-head.js'
import { tombstoneCommit } from '../operators/deliver.js'

const recordsPerPoll = 1024

/** An emitted record; `R` is what it decodes to. */
export class Emitted<R> {
  /** The record's key. */
  readonly customer: string
  /** null where the bytes make no row. */
  readonly commit: number | null
  astray = false
  private decoded: R | null | undefined

  constructor(
    readonly record: StoredRecord,
    private readonly decode: (bytes: Uint8Array) => R,
  ) {
    const { key, value, headers } = record
    this.customer = key?.toString('utf8') ?? ''
    this.commit = value === null ? tombstoneCommit(headers) : commitOf(value)
  }

  /** null: a tombstone, or bytes that make no row. Most rows are compared as bytes only. */
  get row(): R | null {
    if (this.decoded === undefined) this.decoded = this.decodeRow()
    return this.decoded
  }

  private decodeRow(): R | null {
    if (this.record.value === null) return null
    try {
      return this.decode(this.record.value)
    } catch {
      // Bytes that make no row are what verify is there to find; the caller reports them.
      return null
    }
  }
}

/** All of a topic partition that is there, or was when it was asked for. */
export interface TopicRange {
  readonly topic: string
  readonly partition: number
  readonly startOffset: number
  /** Exclusive. */
  readonly endOffset: number
}

export class EmittedTopic<R> {
  private readonly reader: LogReader
  private ahead: Emitted<R>[] = []
  private at = 0

  constructor(
    log: EventLog,
    private readonly range: TopicRange,
    private readonly decode: (bytes: Uint8Array) => R,
  ) {
    this.reader = log.reader(range.topic, range.partition, range.startOffset)
  }

  get topic(): string {
    return this.range.topic
  }

  /** The records of a commit; commits are asked in ascending order. */
  async take(commit: number): Promise<Emitted<R>[]> {
    const taken: Emitted<R>[] = []
    for (;;) {
      const head = await this.peek(0)
      if (head === null) return taken
      if (head.commit !== commit) {
        if (
          head.commit !== null &&
          head.commit > commit &&
          !(await this.isAhead(head.commit, commit))
        )
          return taken
        head.astray = true
      }
      taken.push(head)
      this.at++
    }
  }

  /** What is left behind the last commit. */
  async rest(): Promise<Emitted<R>[]> {
    const left: Emitted<R>[] = []
    for (let head = await this.peek(0); head !== null; head = await this.peek(0)) {
      left.push(head)
      this.at++
    }
    return left
  }

  close(): Promise<void> {
    return this.reader.close()
  }

  /** Whether a record's commit is beyond that of the record behind it, which still fits. */
  private async isAhead(own: number, commit: number): Promise<boolean> {
    const next = await this.peek(1)
    return next !== null && next.commit !== null && next.commit >= commit && next.commit < own
  }

  private async peek(distance: number): Promise<Emitted<R> | null> {
    while (this.at + distance >= this.ahead.length) {
      const read = this.ahead.at(-1)?.record.offset ?? this.range.startOffset - 1
      if (read + 1 >= this.range.endOffset) return null
      const { records, atEnd } = await this.reader.poll(recordsPerPoll, 1000)
      if (records.length === 0) {
        if (atEnd) return null
        continue
      }
      this.ahead = this.ahead.slice(this.at)
      this.at = 0
      for (const record of records) {
        if (record.offset < this.range.endOffset) this.ahead.push(new Emitted(record, this.decode))
      }
      if (records[records.length - 1].offset >= this.range.endOffset - 1) break
    }
    return this.ahead[this.at + distance] ?? null
  }
}

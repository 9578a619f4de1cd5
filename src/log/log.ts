/**
 * The port of the event log: partitions of records in order, and transactions over several topics.
 *
 * Offsets may have gaps: Kafka gives one to the mark that ends a transaction and to each record of
 * an aborted one. So nobody counts records to know an offset; who needs one is told it.
 *
 * Invariants that every adapter keeps (checked by `test/conformance/log.ts`):
 * L1 offsets of a partition only grow; a committed record keeps its offset and its bytes for ever.
 * L2 what one transaction appends is readable after `commit()` resolved, all of it or nothing, also
 *    after a crash at any point.
 * L3 a reader sees committed records only, in offset order, none twice.
 * L4 records stamped more than an hour (of wall time, times the speed of a virtual base) ahead of
 *    the log's time base are refused by `append` with `RECORD_TOO_FAR_AHEAD`.
 * L5 records of more than `recordBytesMax` are refused by `append` with `RECORD_TOO_LARGE`.
 */

export type Headers = readonly (readonly [name: string, value: Buffer])[]

/** What a producer hands over: bytes and the producer's time in ms UTC. */
export interface LogRecord {
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly timestamp: number
  readonly headers: Headers | null
}

/** Largest record, by `recordBytes`: Kafka's default `message.max.bytes`, with every log the same. */
export const recordBytesMax = 1_048_588

/** More than Kafka adds to the key, the value and the headers of a record that is sent alone. */
const recordOverheadBytes = 100
const headerOverheadBytes = 10

/** What a record counts against `recordBytesMax`. */
export function recordBytes({ key, value, headers }: Omit<LogRecord, 'timestamp'>): number {
  let bytes = recordOverheadBytes + (key?.length ?? 0) + (value?.length ?? 0)
  if (headers === null) return bytes
  for (const [name, content] of headers) {
    bytes += headerOverheadBytes + Buffer.byteLength(name) + content.length
  }
  return bytes
}

export interface StoredRecord extends LogRecord {
  readonly offset: number
}

/**
 * What "now" means for a log, fixed at its creation. A virtual base starts at `origin` (ms UTC)
 * and runs `speed` times as fast as the wall clock, but only while the log is open. `none` is for
 * historic logs: nothing is ever due by the wall clock.
 */
export type TimeBase =
  | { readonly kind: 'wall' }
  | { readonly kind: 'virtual'; readonly origin: number; readonly speed: number }
  | { readonly kind: 'none' }

export interface Poll {
  readonly records: readonly StoredRecord[]
  /**
   * An instant of the time base, read before the end of the log was asked for, by which every
   * record then in the log had been handed out, this poll's included; null where that is not
   * proved (or the base is `none`). Silence alone proves nothing.
   */
  readonly caughtUpAt: number | null
  /** Whether no committed record was left behind this poll's last one. */
  readonly atEnd: boolean
}

/** A cursor over one partition. One poll at a time. */
export interface LogReader {
  /**
   * Up to `recordsMax` records; waits at most `waitMs` (wall) for the first one, and with 0 as long
   * as it takes to know whether there is one. An adapter that reads from elsewhere than memory ends
   * a poll at a few megabytes too.
   */
  poll(recordsMax: number, waitMs: number): Promise<Poll>
  /**
   * Every committed record below it has been handed out. It is behind the last one at least, and
   * further on where a log tells that no committed record lies between.
   */
  readonly nextOffset: number
  close(): Promise<void>
}

/** What a transaction is told of its own records. */
export interface Committed {
  /** Exclusive: behind the last one that it appended there; null where it appended none. */
  endOffset(topic: string, partition: number): number | null
}

/** Records of several topics that appear together or not at all. */
export interface Transaction {
  append(topic: string, partition: number, record: LogRecord): void
  /** Bytes appended so far, to bound a transaction. */
  readonly bytes: number
  /**
   * Hands over what was appended so far: who reads without waiting for commits may see it now, and
   * for nothing if the transaction does not commit. Tells where that ended; a log that shows nothing
   * before the commit does nothing here, and tells no end.
   */
  flush(): Promise<Committed>
  /** Durable when it resolves. An outcome that is unknown rejects with `COMMIT_UNKNOWN`. */
  commit(): Promise<Committed>
  abort(): Promise<void>
}

export interface EventLog {
  /** Identifies this log for ever: a recreated one has another id. */
  readonly id: string
  readonly timeBase: TimeBase
  /** The instant that the time base shows, in ms UTC; null where the base is `none`. */
  now(): number | null
  /** How many partitions a topic has; all topics of an app have its input's count. */
  partitions(topic: string): number
  startOffset(topic: string, partition: number): Promise<number>
  /** The offset behind the last committed record (exclusive). */
  endOffset(topic: string, partition: number): Promise<number>
  /** Opens a cursor at `fromOffset`; the live job and every replay read through it. */
  reader(topic: string, partition: number, fromOffset: number): LogReader
  /** Committed records by themselves, in any order; absent where a reader does as well. */
  recordsAt?(
    topic: string,
    partition: number,
    offsets: readonly number[],
  ): Promise<readonly StoredRecord[]>
  /** The last record of a partition, or null where it is empty. */
  last(topic: string, partition: number): Promise<StoredRecord | null>
  /**
   * The erasure index: for each key with a null value below `endOffset`, the offset of its newest
   * null value.
   */
  erasures(topic: string, partition: number, endOffset: number): Promise<Map<string, number>>
  /** `id` names the writer; one writer has one open transaction at a time. */
  begin(id: string): Transaction
  /**
   * Takes a writer over from whoever had the id, in this process or another one. When it resolves,
   * what he left open has ended, and its outcome can be read; he cannot write any more.
   */
  fence(id: string): Promise<void>
  close(): Promise<void>
}

/** Names of an app's topics. */
export interface Topics {
  readonly events: string
  readonly features: string
  readonly scores: string
  readonly rejects: string
  readonly late: string
  readonly changelog: string
  readonly ingests: string
  /** The cells of the state by their keys, where the log keeps it: a topic for each generation. */
  readonly state: string
  /** Where the log keeps the state: which generations there are, and which one is asked for. */
  readonly generations: string
}

/** @example topicsOf('churn').events // 'churn.events' */
export function topicsOf(app: string, generation = 1): Topics {
  return {
    events: `${app}.events`,
    features: `${app}.features`,
    scores: `${app}.scores`,
    rejects: `${app}.rejects`,
    late: `${app}.late`,
    changelog: `${app}.changelog`,
    ingests: `${app}.ingests`,
    state: generation === 1 ? `${app}.state` : `${app}.g${generation}.state`,
    generations: `${app}.generations`,
  }
}

/**
 * Transactions of an ingest: its records, its rejects and its progress, together or not at all.
 * W1 One commit is under way at a time; the next transaction gathers meanwhile.
 */
import { crc32 } from 'node:zlib'
import { partitionOf } from '../events/partition.js'
import { failpoint } from '../failpoint.js'
import { type EventLog, type LogRecord, type Topics, topicsOf } from '../log/log.js'
import { reasonHeaders, withHeaders } from '../operators/reject-record.js'
import type { SourceIdentity } from './ingest-source.js'
import { type EncodedRow, isRefused, type RefusedRow } from './row-encoder.js'
import { type IngestRun, runRecord } from './run-record.js'

/** Bounds of one transaction. */
const rowsMax = 5000
const bytesMax = 8 << 20

type Mutable<T> = { -readonly [K in keyof T]: T[K] }

interface Draft {
  readonly topic: string
  readonly partition: number
  readonly record: LogRecord
}

/** Adds a row to the chain of the rows before it. */
export function chained(chain: number, row: EncodedRow | RefusedRow): number {
  return crc32(isRefused(row) ? row.json : row.record.value, chain)
}

export class IngestWriter {
  /** As the transaction that gathers now will leave it. */
  private readonly run: Mutable<IngestRun>
  private drafts: Draft[] = []
  private bytes = 0
  private committing: Promise<void> = Promise.resolve()
  private readonly topics: Topics
  private readonly partitions: number

  constructor(
    private readonly log: EventLog,
    app: string,
    identity: SourceIdentity,
    before: IngestRun | null,
    /** Largest record timestamp that other sources brought. */
    private readonly newest: number,
    /** Called after each commit. */
    private readonly committed: (run: IngestRun) => void,
  ) {
    this.topics = topicsOf(app)
    this.partitions = log.partitions(this.topics.events)
    const counts = { rows: 0, appended: 0, rejected: 0, rejects: {}, older: 0 }
    const fresh = { ...identity, ...counts, done: false, lastTimestamp: null, chain: 0 }
    this.run = { ...(before ?? fresh) }
  }

  get isFull(): boolean {
    return this.drafts.length >= rowsMax || this.bytes >= bytesMax
  }

  add(row: EncodedRow | RefusedRow): void {
    const { run, topics } = this
    run.rows++
    run.chain = chained(run.chain, row)
    if (isRefused(row)) {
      run.rejected++
      const { code, reason } = row.reject
      const { count, example } = run.rejects[code] ?? { count: 0, example: reason }
      // A new object: the run of the transaction before keeps its own.
      run.rejects = { ...run.rejects, [code]: { count: count + 1, example } }
      this.draft(topics.rejects, 0, rejectedRow(row, run.rows, run.lastTimestamp ?? 0))
      return
    }
    const { record } = row
    run.appended++
    if (record.timestamp < this.newest) run.older++
    run.lastTimestamp = Math.max(run.lastTimestamp ?? record.timestamp, record.timestamp)
    this.draft(topics.events, partitionOf(record.key, this.partitions), record)
  }

  /** Commits what has gathered, once the commit before is through. */
  async flush(): Promise<void> {
    await this.committing
    if (this.drafts.length > 0) this.commit()
  }

  /** Commits the last of the run and waits for it; what the log raised comes out here. */
  async finish(done: boolean): Promise<IngestRun> {
    await this.flush()
    await this.committing
    if (done) {
      this.run.done = true
      this.commit()
      await this.committing
    }
    return this.run
  }

  private draft(topic: string, partition: number, record: LogRecord): void {
    this.drafts.push({ topic, partition, record })
    this.bytes += (record.key?.length ?? 0) + (record.value?.length ?? 0)
  }

  private commit(): void {
    const { drafts } = this
    const run: IngestRun = { ...this.run }
    this.drafts = []
    this.bytes = 0
    const transaction = this.log.begin('ingest')
    for (const { topic, partition, record } of drafts) transaction.append(topic, partition, record)
    transaction.append(this.topics.ingests, 0, runRecord(run))
    failpoint('ingest.before-commit')
    this.committing = transaction.commit().then(() => {
      failpoint('ingest.after-commit')
      this.committed(run)
    })
    // A failure is for whoever awaits `committing` next; until then it is not unhandled.
    this.committing.catch(() => {})
  }
}

/** The row as JSON, with why and where; `row` counts from 1. */
function rejectedRow({ reject, json }: RefusedRow, row: number, timestamp: number): LogRecord {
  const record = { key: null, value: json, timestamp, headers: null }
  return withHeaders(record, [
    ['__streams.errors.exception', reject.code],
    ...reasonHeaders(reject, 'ingest'),
    ['tidemark.errors.row', row],
  ])
}

/**
 * Loads the rows of a query into the events topic, exactly once.
 *
 * Owns the course of a run. Does not own the rows' order (`duckdb-rows.ts`), nor what makes a
 * record (`row-encoder.ts`), nor the transactions (`ingest-writer.ts`).
 *
 * I1 Rows and the run's progress are in one transaction, so that a run which was killed goes on
 *    with the first row that is not in the log.
 * I2 The rows before that one are read again and must be the same (their chain is compared): a
 *    query whose order is left to chance is refused, not loaded twice.
 */
import { configurationError } from '../errors.js'
import type { App } from '../features/app.js'
import type { EventLog } from '../log/log.js'
import type { QueryRows } from './duckdb-rows.js'
import type { IngestQuery } from './ingest-source.js'
import { chained, IngestWriter } from './ingest-writer.js'
import { type OpenedRun, openRun } from './open-run.js'
import {
  type Pace,
  pacedByRate,
  pacedByTime,
  pauseFor,
  type Sleep,
  sleep,
  unpaced,
} from './pace.js'
import { type EncodedRow, isRefused, type RefusedRow, RowEncoder } from './row-encoder.js'
import type { IngestRun, RejectedRows } from './run-record.js'

export interface IngestOptions extends IngestQuery {
  readonly app: Pick<App, 'name' | 'codec'>
  readonly log: EventLog
  /** At most so many rows a second of wall time. */
  readonly rate?: number
  /** Rows go in when the log's virtual clock, which must have this speed, comes to them. */
  readonly speed?: number
  /** The query, opened before for its first timestamp; the ingest closes it. */
  readonly rows?: QueryRows
  /** Called after each transaction. */
  readonly onProgress?: (progress: IngestProgress) => void
  /** Ends the run behind the transaction under way; a later call resumes it. */
  readonly signal?: AbortSignal
  /** Where the query spills to. @default the system's temporary folder */
  readonly tempFolder?: string
  /** Wall clock in ms, for the rate. @default performance.now */
  readonly wallMs?: () => number
  /** How to wait for a row's time. */
  readonly sleep?: Sleep
}

export interface IngestProgress {
  /** Rows that are through, those of earlier attempts included. */
  readonly rows: number
  readonly total: number
  readonly appended: number
  readonly rejected: number
}

export interface IngestReport extends IngestProgress {
  readonly fingerprint: string
  /** Rows that an earlier attempt had brought in; all counts are of the whole run. */
  readonly resumedFrom: number
  /** False where `signal` ended the run. */
  readonly done: boolean
  /** Rows older than what other sources had brought before: they may be late. */
  readonly older: number
  /** By code. */
  readonly rejects: Readonly<Record<string, RejectedRows>>
  /** Largest record timestamp of the run, ms UTC. */
  readonly lastTimestamp: number | null
}

/**
 * Runs the query and appends its rows as events, in transactions of at most 5,000 rows.
 *
 * Raises `FILE_MISSING`, `FILE_DAMAGED` (exit 74), `QUERY_FILES`, `QUERY_FAILED`, `QUERY_COLUMNS`,
 * `QUERY_LOGGED_AT`, `INGEST_DONE`, `INGEST_CHANGED` and `TIME_BASE` (exit 78), and whatever the
 * log raises.
 *
 * @example
 * await ingestSql({ app, log, sql: 'from read_csv(${files})', files: ['events.csv'] })
 */
export async function ingestSql(options: IngestOptions): Promise<IngestReport> {
  let rows = options.rows
  try {
    const opened = await openRun(options.log, options.app.name, options, options.speed)
    rows ??= await openRows(options)
    await rows.checkFields(options.app.codec)
    return await new Course(options, rows, opened).run()
  } finally {
    await rows?.close()
  }
}

/** DuckDB takes a quarter of a second to load, which nobody should wait for who ingests nothing. */
async function openRows(options: IngestOptions): Promise<QueryRows> {
  const { QueryRows } = await import('./duckdb-rows.js')
  return QueryRows.open(options, options)
}

/** One attempt at a run. */
class Course {
  private readonly encoder: RowEncoder
  private readonly writer: IngestWriter
  private readonly pace: Pace
  private readonly before: IngestRun | null
  private readonly resumedFrom: number
  /** Number of the row that comes next, from 0. */
  private row = 0
  private chain = 0

  constructor(
    private readonly options: IngestOptions,
    private readonly rows: QueryRows,
    opened: OpenedRun,
  ) {
    const { app, log, onProgress } = options
    this.before = opened.before
    this.resumedFrom = opened.before?.rows ?? 0
    this.encoder = new RowEncoder(app.codec, rows.names)
    const { identity, before, newest } = opened
    this.writer = new IngestWriter(log, app.name, identity, before, newest, (run) =>
      onProgress?.(progressOf(run, rows.total)),
    )
    this.pace = paceOf(options)
  }

  async run(): Promise<IngestReport> {
    for await (const portion of this.rows.portions()) {
      const latestAllowed = this.latestAllowed()
      for (let r = 0; r < portion.length && !this.aborted; r++) {
        const encoded = this.encoder.encode(portion, r, latestAllowed)
        if (this.row < this.resumedFrom) {
          this.skip(encoded)
          continue
        }
        if (this.pace !== unpaced && !isRefused(encoded)) {
          await this.waitFor(encoded.record.timestamp)
          if (this.aborted) break
        }
        this.writer.add(encoded)
        this.row++
        if (this.writer.isFull) await this.writer.flush()
      }
      if (this.aborted) break
    }
    const done = !this.aborted
    if (done && this.row < this.resumedFrom) throw changed(`it has ${this.row} rows`)
    const run = await this.writer.finish(done)
    const { resumedFrom } = this
    const { fingerprint, lastTimestamp, rejects, older } = run
    const progress = progressOf(run, this.rows.total)
    return { ...progress, fingerprint, resumedFrom, done, older, rejects, lastTimestamp }
  }

  private get aborted(): boolean {
    return this.options.signal?.aborted === true
  }

  /** Keeps I2. */
  private skip(encoded: EncodedRow | RefusedRow): void {
    this.chain = chained(this.chain, encoded)
    this.row++
    if (this.row === this.resumedFrom && this.chain !== this.before!.chain) {
      throw changed(`its first ${this.row} rows are not those that are loaded`)
    }
  }

  /** Commits what has gathered before it waits, so that it is seen in time. */
  private async waitFor(timestamp: number): Promise<void> {
    for (;;) {
      const dueIn = this.pace.dueIn(this.row - this.resumedFrom, timestamp)
      if (dueIn <= 0 || this.aborted) return
      await this.writer.flush()
      await (this.options.sleep ?? sleep)(pauseFor(dueIn), this.options.signal)
    }
  }

  /** The latest timestamp that the log takes (L4); rows that wait for their time are never ahead. */
  private latestAllowed(): number {
    const now = this.options.speed === undefined ? this.options.log.now() : null
    return now === null ? Infinity : now + 3_600_000
  }
}

function progressOf({ rows, appended, rejected }: IngestRun, total: number): IngestProgress {
  return { rows, total, appended, rejected }
}

function paceOf({ speed, rate, log, wallMs }: IngestOptions): Pace {
  if (speed !== undefined) return pacedByTime(log)
  return rate === undefined ? unpaced : pacedByRate(rate, wallMs ?? (() => performance.now()))
}

function changed(what: string): Error {
  const text =
    `the query gives other rows than when its load began: ${what}; add an ORDER BY that leaves ` +
    'nothing to chance, or load the files into a new data directory'
  return configurationError('INGEST_CHANGED', text)
}

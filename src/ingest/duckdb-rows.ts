/**
 * The rows of a query over files, in one fixed order and in portions.
 *
 * Owns the DuckDB instance and its temporary folder. The query runs to its end first, into a table
 * that spills to disk beyond `memoryMb`: its errors come before anything is loaded, and the number
 * of rows is known.
 *
 * R1 A query with `logged_at` keeps the order of its rows.
 * R2 Without it the rows are ordered by (occurred_at, event_id), then by every other column, so
 *    that equal rows are the only ties and a resumed run meets the same rows at the same places.
 * R3 Text arrives byte for byte.
 */
import { randomUUID } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api'
import { configurationError } from '../errors.js'
import type { EventCodec } from '../events/event.js'
import { portionOf, type RowPortion } from './duckdb-portion.js'
import { type IngestQuery, queryText } from './ingest-source.js'
import {
  checkColumns,
  columnsMissing,
  fieldsWithoutColumn,
  isText,
  plainExpression,
  type QueryColumn,
  quoted,
} from './query-columns.js'

export interface RowsOptions {
  /** Where the query spills to. @default the system's temporary folder */
  readonly tempFolder?: string
  /** @default 1024 */
  readonly memoryMb?: number
}

export class QueryRows {
  private constructor(
    private readonly instance: DuckDBInstance,
    private readonly connection: DuckDBConnection,
    private readonly folder: string,
    private readonly columns: readonly QueryColumn[],
    readonly total: number,
  ) {}

  /**
   * Runs the query. Raises `QUERY_FAILED` with DuckDB's sentence, `QUERY_COLUMNS` or
   * `QUERY_LOGGED_AT` (all exit 78).
   */
  static async open(query: IngestQuery, options: RowsOptions = {}): Promise<QueryRows> {
    const folder = join(options.tempFolder ?? tmpdir(), `tidemark-ingest-${randomUUID()}`)
    const instance = await DuckDBInstance.create(':memory:', {
      // What is not linked in would have to be downloaded.
      autoinstall_known_extensions: 'false',
      memory_limit: `${options.memoryMb ?? 1024}MB`,
      temp_directory: folder,
    })
    const connection = await instance.connect()
    try {
      await connection.run("SET TimeZone = 'UTC'")
      const columns = await run(() => describe(connection, queryText(query)))
      checkColumns(columns)
      if (has(columns, 'logged_at') && query.files.length > 1) throw severalLogs(query.files.length)
      const list = columns.map(plainExpression).join(', ')
      await run(() => connection.run(`CREATE TABLE loaded AS SELECT ${list} FROM asked`))
      const counted = await connection.runAndReadAll('SELECT count(*) FROM loaded')
      const total = Number(counted.getRowsJS()[0][0])
      return new QueryRows(instance, connection, folder, columns, total)
    } catch (error) {
      await release(instance, connection, folder)
      throw error
    }
  }

  /** The columns' names, in the order of the query. */
  get names(): readonly string[] {
    return this.columns.map(({ name }) => name)
  }

  /**
   * Raises `QUERY_COLUMNS` (exit 78) where rows are of a type that has a field which must be there
   * and for which the query has no column: each of these rows would be rejected for the same
   * reason, and a load of nothing but rejects would count as done.
   */
  async checkFields(codec: Pick<EventCodec, 'types' | 'required'>): Promise<void> {
    for (const type of codec.types) {
      const required = codec.required(type)
      if (fieldsWithoutColumn(required, this.columns).length === 0) continue
      const sql = 'SELECT 1 FROM loaded WHERE type = $1 LIMIT 1'
      const found = await this.connection.runAndReadAll(sql, [type])
      if (found.currentRowCount > 0) throw columnsMissing(type, required, this.columns)
    }
  }

  /** All rows; each portion belongs to the caller. */
  async *portions(): AsyncGenerator<RowPortion, void, undefined> {
    // DuckDB's client decodes each text by itself and drops a byte order mark at its beginning,
    // which in an id is another customer; in one JSON array a row they stay whole, and cost less.
    const texts = this.columns.filter(isText).map(({ name }) => quoted(name))
    const others = this.columns.filter((column) => !isText(column)).map(({ name }) => quoted(name))
    const list = [`json_array(${texts.join(', ')})::VARCHAR`, ...others].join(', ')
    const sql = `SELECT ${list} FROM loaded${this.order()}`
    const result = await run(() => this.connection.stream(sql))
    for (;;) {
      const chunk = await run(() => result.fetchChunk())
      if (chunk === null || chunk.rowCount === 0) return
      yield portionOf(chunk, this.columns.map(isText))
    }
  }

  /** The earliest record timestamp, ms UTC: where a virtual clock begins; null without a row. */
  async firstTimestamp(): Promise<number | null> {
    const column = has(this.columns, 'logged_at') ? 'logged_at' : 'occurred_at'
    const sql = `SELECT min(${column})::DOUBLE FROM loaded`
    const found = await this.connection.runAndReadAll(sql)
    return found.getRowsJS()[0][0] as number | null
  }

  close(): Promise<void> {
    return release(this.instance, this.connection, this.folder)
  }

  private order(): string {
    if (has(this.columns, 'logged_at')) return ''
    const first = ['occurred_at', 'event_id', 'customer_id', 'type']
    const rest = this.names.filter((name) => !first.includes(name))
    return ` ORDER BY ${[...first, ...rest].map(quoted).join(', ')}`
  }
}

const has = (columns: readonly QueryColumn[], name: string): boolean =>
  columns.some((column) => column.name === name)

async function release(
  instance: DuckDBInstance,
  connection: DuckDBConnection,
  folder: string,
): Promise<void> {
  connection.closeSync()
  instance.closeSync()
  await rm(folder, { recursive: true, force: true })
}

async function describe(connection: DuckDBConnection, sql: string): Promise<QueryColumn[]> {
  const { count } = await connection.extractStatements(sql)
  if (count !== 1) throw new Error(`one statement is due, ${count} came`)
  await connection.run(`CREATE VIEW asked AS ${sql}`)
  const described = await connection.runAndReadAll('DESCRIBE SELECT * FROM asked')
  return described.getRowObjectsJS().map((row) => ({
    name: row['column_name'] as string,
    type: row['column_type'] as string,
  }))
}

/** Of DuckDB's message, which repeats a faulty line of a file whole. */
const lineMax = 160
const messageMax = 500

function cut(text: string, max: number): string {
  if (text.length <= max) return text
  // A character of two halves is not cut in the middle.
  return `${text.slice(0, max - 1).replace(/[\uD800-\uDBFF]$/, '')}…`
}

/** One sentence, however long the lines are that DuckDB repeats. */
function sentenceOf(message: string): string {
  const lines = message.split('\n').map((line) => cut(line.replace(/\s+/g, ' ').trim(), lineMax))
  return cut(lines.filter((line) => line !== '').join(' '), messageMax)
}

/** DuckDB's message without the excerpt of the query that it draws below. */
async function run<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    const [message] = (error as Error).message.split('\n\nLINE ')
    const sentence = sentenceOf(message.replace('Failed to extract statements:', ''))
    throw configurationError('QUERY_FAILED', `the query failed: ${sentence}`, error)
  }
}

function severalLogs(files: number): Error {
  const text =
    'a query that returns logged_at keeps the order of its rows, so it takes one file a run; ' +
    `${files} came`
  return configurationError('QUERY_LOGGED_AT', text)
}

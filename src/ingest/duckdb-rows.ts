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
 */
import { randomUUID } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  type DuckDBConnection,
  type DuckDBDataChunk,
  DuckDBInstance,
  type DuckDBValueConverter,
  DuckDBTypeId,
  JSDuckDBValueConverter,
} from '@duckdb/node-api'
import { configurationError } from '../errors.js'
import { type IngestQuery, queryText } from './ingest-source.js'
import { checkColumns, plainExpression, type QueryColumn } from './query-columns.js'

export interface RowsOptions {
  /** Where the query spills to. @default the system's temporary folder */
  readonly tempFolder?: string
  /** @default 1024 */
  readonly memoryMb?: number
}

/** A portion of rows, column by column. */
export interface RowPortion {
  readonly length: number
  readonly columns: readonly (readonly unknown[])[]
}

export class QueryRows {
  private constructor(
    private readonly instance: DuckDBInstance,
    private readonly connection: DuckDBConnection,
    private readonly folder: string,
    /** Names, in the order of the columns. */
    readonly names: readonly string[],
    readonly total: number,
    private readonly select: string,
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
      const hasLoggedAt = columns.some(({ name }) => name === 'logged_at')
      if (hasLoggedAt && query.files.length > 1) throw severalLogs(query.files.length)
      const list = columns.map((column) => plainExpression(column)).join(', ')
      await run(() => connection.run(`CREATE TABLE loaded AS SELECT ${list} FROM asked`))
      const counted = await connection.runAndReadAll('SELECT count(*) FROM loaded')
      const total = Number(counted.getRowsJS()[0][0])
      const names = columns.map(({ name }) => name)
      const order = hasLoggedAt ? '' : ` ORDER BY ${orderOf(names)}`
      const select = `SELECT * FROM loaded${order}`
      return new QueryRows(instance, connection, folder, names, total, select)
    } catch (error) {
      await release(instance, connection, folder)
      throw error
    }
  }

  /** All rows; each portion belongs to the caller. */
  async *portions(): AsyncGenerator<RowPortion, void, undefined> {
    const result = await run(() => this.connection.stream(this.select))
    for (;;) {
      const chunk = await run(() => result.fetchChunk())
      if (chunk === null || chunk.rowCount === 0) return
      yield portionOf(chunk)
    }
  }

  /** The earliest record timestamp, ms UTC: where a virtual clock begins; null without a row. */
  async firstTimestamp(): Promise<number | null> {
    const column = this.names.includes('logged_at') ? 'logged_at' : 'occurred_at'
    const sql = `SELECT min(${column})::DOUBLE FROM loaded`
    const found = await this.connection.runAndReadAll(sql)
    return found.getRowsJS()[0][0] as number | null
  }

  close(): Promise<void> {
    return release(this.instance, this.connection, this.folder)
  }
}

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

/** DuckDB's message without the excerpt of the query that it draws below. */
async function run<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    const sentence = (error as Error).message
      .split('\n\nLINE ')[0]
      .replace('Failed to extract statements:', '')
      .replace(/\s+/g, ' ')
      .trim()
    throw configurationError('QUERY_FAILED', `the query failed: ${sentence}`, error)
  }
}

function severalLogs(files: number) {
  const text =
    'a query that returns logged_at keeps the order of its rows, so it takes one file a run; ' +
    `${files} came`
  return configurationError('QUERY_LOGGED_AT', text)
}

/** Positions in the select list: names would be ambiguous beside the columns of `loaded`. */
function orderOf(names: readonly string[]): string {
  const first = ['occurred_at', 'event_id', 'customer_id', 'type']
  const rest = names.filter((name) => !first.includes(name))
  return [...first, ...rest].map((name) => names.indexOf(name) + 1).join(', ')
}

const scalars = new Set([
  DuckDBTypeId.BOOLEAN,
  DuckDBTypeId.TINYINT,
  DuckDBTypeId.SMALLINT,
  DuckDBTypeId.INTEGER,
  DuckDBTypeId.UTINYINT,
  DuckDBTypeId.USMALLINT,
  DuckDBTypeId.UINTEGER,
  DuckDBTypeId.FLOAT,
  DuckDBTypeId.DOUBLE,
  DuckDBTypeId.VARCHAR,
])

function portionOf(chunk: DuckDBDataChunk): RowPortion {
  const columns: unknown[][] = []
  for (let c = 0; c < chunk.columnCount; c++) {
    const plain = scalars.has(chunk.getColumnVector(c).type.typeId)
    columns.push(plain ? chunk.getColumnValues(c) : chunk.convertColumnValues(c, toPlain))
  }
  return { length: chunk.rowCount, columns }
}

/** Lists, structs, maps and blobs, and integers of 64 bits. */
const toPlain: DuckDBValueConverter<unknown> = (value, type, converter) => {
  if (typeof value === 'bigint') return plainInteger(value)
  const plain = JSDuckDBValueConverter(value, type, converter as never) as unknown
  if (typeof plain === 'bigint') return plainInteger(plain)
  if (plain instanceof Date) return plain.getTime()
  return type.typeId === DuckDBTypeId.MAP ? mapOf(plain as MapEntry[] | null) : plain
}

interface MapEntry {
  readonly key: unknown
  readonly value: unknown
}

function mapOf(entries: readonly MapEntry[] | null): Record<string, unknown> | null {
  return entries && Object.fromEntries(entries.map(({ key, value }) => [String(key), value]))
}

/** Beyond ±(2^53 − 1) it stays a bigint, which no event can hold: the row becomes a reject. */
function plainInteger(value: bigint): number | bigint {
  const number = Number(value)
  return Number.isSafeInteger(number) ? number : value
}

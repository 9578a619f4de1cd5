/**
 * The rows that a training set is asked for, from a Parquet, CSV or JSON file: `customer_id`,
 * `as_of`, and perhaps `partition` and `endOffset`.
 */
import { access } from 'node:fs/promises'
import { resolve } from 'node:path'
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api'
import { configurationError, ioError } from '../errors.js'
import {
  isText,
  isTime,
  plainExpression,
  type QueryColumn,
  quoted,
} from '../ingest/query-columns.js'
import type { Ask } from './asked.js'

/**
 * Hands over every row in the file's order and answers how many there were.
 *
 * Raises `FILE_MISSING` (exit 74) and `ROWS_INVALID` (exit 78).
 */
export async function readRowsFile(path: string, take: (ask: Ask) => void): Promise<number> {
  await access(path).catch((error: unknown) => {
    throw ioError('FILE_MISSING', `cannot read ${path}: no such file`, error)
  })
  const instance = await DuckDBInstance.create(':memory:', {
    autoinstall_known_extensions: 'false',
    threads: '1',
  })
  const connection = await instance.connect()
  try {
    await connection.run("SET TimeZone = 'UTC'")
    return await readRows(connection, path, take)
  } catch (error) {
    if ((error as { exit?: unknown }).exit !== undefined) throw error
    const [sentence] = (error as Error).message.split('\n')
    throw invalid(path, sentence, error)
  } finally {
    connection.closeSync()
    instance.closeSync()
  }
}

async function readRows(
  connection: DuckDBConnection,
  path: string,
  take: (ask: Ask) => void,
): Promise<number> {
  const source = sourceOf(path)
  const described = await connection.runAndReadAll(`DESCRIBE SELECT * FROM ${source}`)
  const columns = described.getRowObjectsJS().map((row) => ({
    name: row['column_name'] as string,
    type: row['column_type'] as string,
  }))
  const { partition, endOffset } = checkRows(path, columns)
  const prefix = partition === undefined ? 'NULL, NULL' : `${partition}, ${endOffset}`
  const asOf = columns.find(({ name }) => name === 'as_of')!
  const result = await connection.stream(
    // As one JSON array an id keeps a byte order mark at its beginning, see `duckdb-rows.ts`.
    `SELECT json_array(customer_id)::VARCHAR, ${plainExpression(asOf)}, ${prefix} FROM ${source}`,
  )
  let row = 0
  for await (const chunk of result) {
    for (const [id, instant, place, end] of chunk.getRows()) {
      const [customer] = JSON.parse(id as string) as [string | null]
      if (customer === null) throw invalid(path, `row ${row + 1} has no customer_id`)
      if (instant === null) throw invalid(path, `row ${row + 1} has no as_of`)
      if ((place === null) !== (end === null)) {
        throw invalid(path, `row ${row + 1} has one of partition and endOffset, not both`)
      }
      const of = place === null ? null : { partition: Number(place), endOffset: Number(end) }
      take({ customer, asOf: Number(instant), prefix: of, row: row++ })
    }
  }
  return row
}

function sourceOf(path: string): string {
  const name = `'${resolve(path).replace(/[*?[]/g, '[$&]').replaceAll("'", "''")}'`
  if (/\.(json|jsonl|ndjson)(\.gz)?$/i.test(path)) return `read_json(${name})`
  if (/\.parquet$/i.test(path)) return `read_parquet(${name})`
  // An id is text, whatever it looks like.
  return `read_csv(${name}, types = {'customer_id': 'VARCHAR'})`
}

interface PrefixColumns {
  readonly partition?: string
  readonly endOffset?: string
}

function checkRows(path: string, columns: readonly QueryColumn[]): PrefixColumns {
  const named = (...names: string[]) => columns.find(({ name }) => names.includes(name))
  const customer = named('customer_id')
  if (customer === undefined || !isText(customer)) {
    throw invalid(path, `customer_id is ${customer?.type ?? 'missing'}, due is VARCHAR`)
  }
  const asOf = named('as_of')
  if (asOf === undefined || !isTime(asOf)) {
    throw invalid(path, `as_of is ${asOf?.type ?? 'missing'}, due is TIMESTAMP or BIGINT (ms UTC)`)
  }
  const partition = named('partition')
  const endOffset = named('endOffset', 'end_offset')
  if ((partition === undefined) !== (endOffset === undefined)) {
    throw invalid(path, 'one of the columns partition and endOffset is there, not both')
  }
  if (partition === undefined || endOffset === undefined) return {}
  return { partition: quoted(partition.name), endOffset: quoted(endOffset.name) }
}

function invalid(path: string, what: string, cause?: unknown): Error {
  return configurationError('ROWS_INVALID', `rows file ${path}: ${what}`, cause)
}

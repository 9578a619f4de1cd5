import { DuckDBInstance } from '@duckdb/node-api'

export type ParquetRow = Record<string, string | number | null>

/**
 * All rows of a Parquet file in their order. Times become ms UTC, whole numbers JavaScript numbers
 * (beyond ±(2^53 − 1) the call throws), other values stay as they are.
 */
export async function readParquet(path: string): Promise<ParquetRow[]> {
  const instance = await DuckDBInstance.create(':memory:', { threads: '1' })
  const connection = await instance.connect()
  try {
    await connection.run("set timezone = 'UTC'")
    const file = `read_parquet('${path.replaceAll("'", "''")}', file_row_number = true)`
    const described = await connection.runAndReadAll(`describe select * from ${file}`)
    const columns = described.getRowObjectsJS().map((row) => {
      const name = `"${row['column_name'] as string}"`
      const isTime = (row['column_type'] as string).startsWith('TIMESTAMP')
      return isTime ? `epoch_ms(${name}) as ${name}` : name
    })
    const query = `select ${columns.join(', ')} from ${file} order by file_row_number`
    const reader = await connection.runAndReadAll(query)
    return reader.getRowObjectsJS().map((row) => {
      const { file_row_number: _, ...fields } = row
      return Object.fromEntries(
        Object.entries(fields).map(([name, value]) => [name, plain(name, value)]),
      )
    })
  } finally {
    connection.closeSync()
    instance.closeSync()
  }
}

function plain(name: string, value: unknown): string | number | null {
  if (value === null || typeof value === 'string' || typeof value === 'number') return value
  if (typeof value !== 'bigint') throw new TypeError(`column ${name} has a ${typeof value}`)
  const number = Number(value)
  if (!Number.isSafeInteger(number)) throw new RangeError(`column ${name} has ${value}`)
  return number
}

/** A chunk of DuckDB's as plain values, column by column. */
import {
  type DuckDBDataChunk,
  DuckDBTypeId,
  type DuckDBValueConverter,
  JSDuckDBValueConverter,
} from '@duckdb/node-api'

/** A portion of rows; `columns` are in the order of the query. */
export interface RowPortion {
  readonly length: number
  readonly columns: readonly (readonly unknown[])[]
}

/**
 * The first column of `chunk` holds the texts of a row as one JSON array, the others follow;
 * `isText` says which columns of the query were texts.
 */
export function portionOf(chunk: DuckDBDataChunk, isText: readonly boolean[]): RowPortion {
  const texts = textColumns(chunk, isText.filter(Boolean).length)
  let text = 0
  let other = 1
  const columns = isText.map((is) => (is ? texts[text++] : plainColumn(chunk, other++)))
  return { length: chunk.rowCount, columns }
}

function textColumns(chunk: DuckDBDataChunk, count: number): unknown[][] {
  const vector = chunk.getColumnVector(0)
  const rows = chunk.rowCount
  const columns = Array.from({ length: count }, (): unknown[] => [])
  for (let r = 0; r < rows; r++) {
    const texts = JSON.parse(vector.getItem(r) as string) as (string | null)[]
    for (let c = 0; c < count; c++) columns[c].push(texts[c])
  }
  return columns
}

const small = new Set([
  DuckDBTypeId.BOOLEAN,
  DuckDBTypeId.TINYINT,
  DuckDBTypeId.SMALLINT,
  DuckDBTypeId.INTEGER,
  DuckDBTypeId.UTINYINT,
  DuckDBTypeId.USMALLINT,
  DuckDBTypeId.UINTEGER,
  DuckDBTypeId.FLOAT,
  DuckDBTypeId.DOUBLE,
])

function plainColumn(chunk: DuckDBDataChunk, index: number): unknown[] {
  const { typeId } = chunk.getColumnVector(index).type
  if (small.has(typeId)) return chunk.getColumnValues(index)
  return chunk.convertColumnValues(index, toPlain)
}

/** Integers of 64 bits, lists, structs, maps and blobs. */
const toPlain: DuckDBValueConverter<unknown> = (value, type, converter) => {
  if (typeof value === 'bigint') return plainInteger(value)
  const plain = JSDuckDBValueConverter(value, type, converter as never) as unknown
  if (typeof plain === 'bigint') return plainInteger(plain)
  if (plain instanceof Date) return plain.getTime()
  return type.typeId === DuckDBTypeId.MAP ? mapOf(plain as MapEntry[] | null) : plain
}

/** Beyond ±(2^53 − 1) it stays a bigint, which no event can hold: the row becomes a reject. */
function plainInteger(value: bigint): number | bigint {
  const number = Number(value)
  return Number.isSafeInteger(number) ? number : value
}

interface MapEntry {
  readonly key: unknown
  readonly value: unknown
}

function mapOf(entries: readonly MapEntry[] | null): Record<string, unknown> | null {
  return entries && Object.fromEntries(entries.map(({ key, value }) => [String(key), value]))
}

/**
 * What a query must return, and how its columns become the plain values of an event: DuckDB does
 * the conversion, a column at a time, so that JavaScript sees numbers, strings, booleans and null.
 */
import { configurationError } from '../errors.js'

export interface QueryColumn {
  readonly name: string
  /** DuckDB's name of its type, such as `DECIMAL(18,3)`. */
  readonly type: string
}

const textTypes = /^(VARCHAR|UUID|ENUM\(|JSON)/
const timeTypes = /^(TIMESTAMP|DATE|BIGINT)/

const due = [
  { name: 'event_id', type: 'VARCHAR', fits: textTypes },
  { name: 'customer_id', type: 'VARCHAR', fits: textTypes },
  { name: 'type', type: 'VARCHAR', fits: textTypes },
  { name: 'occurred_at', type: 'TIMESTAMP or BIGINT (ms UTC)', fits: timeTypes },
] as const

const loggedAt = { name: 'logged_at', type: 'TIMESTAMP or BIGINT (ms UTC)', fits: timeTypes }

/** Refuses with `QUERY_COLUMNS` (exit 78), naming what came and what was due. */
export function checkColumns(columns: readonly QueryColumn[]): void {
  const problems: string[] = []
  const wanted = columns.some(({ name }) => name === loggedAt.name) ? [...due, loggedAt] : due
  for (const { name, type, fits } of wanted) {
    const column = columns.find((candidate) => candidate.name === name)
    if (column === undefined) problems.push(`${name} is missing, due is ${type}`)
    else if (!fits.test(column.type)) problems.push(`${name} is ${column.type}, due is ${type}`)
  }
  if (problems.length === 0) return
  const came = columns.map(({ name, type }) => `${name} ${type}`).join(', ')
  const text = `the query's columns do not make events: ${problems.join('; ')}; it returns ${came}`
  throw configurationError('QUERY_COLUMNS', text)
}

/** @example quoted('my "col"') // '"my ""col"""' */
export function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

/**
 * The expression that brings a column into a plain type. Times become ms UTC with finer digits cut
 * (also before 1970), whatever was not finite becomes null, exact decimals become doubles.
 */
export function plainExpression({ name, type }: QueryColumn): string {
  const column = quoted(name)
  if (type === 'DATE' || type.startsWith('TIMESTAMP')) {
    const micros = `epoch_us(${type === 'DATE' ? `${column}::TIMESTAMP` : column})`
    const cut = `(${micros} - ((${micros} % 1000) + 1000) % 1000) // 1000`
    return `CASE WHEN isfinite(${column}) THEN (${cut})::DOUBLE END AS ${column}`
  }
  if (/^(DECIMAL|U?HUGEINT|BIGNUM)/.test(type)) return `${column}::DOUBLE AS ${column}`
  if (/^(UUID|ENUM|TIME|INTERVAL|BIT$)/.test(type)) return `${column}::VARCHAR AS ${column}`
  return column
}

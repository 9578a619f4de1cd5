/**
 * What a query must return, and how its columns become the plain values of an event: DuckDB does
 * the conversion, a column at a time, so that JavaScript sees numbers, strings, booleans and null.
 */
import { configurationError } from '../errors.js'
import { nearest } from '../features/nearest.js'

export interface QueryColumn {
  readonly name: string
  /** DuckDB's name of its type, such as `DECIMAL(18,3)`. */
  readonly type: string
}

/** `whole`: 64 bits; `other`: small numbers, booleans, lists, structs. */
type Kind = 'text' | 'time' | 'whole' | 'decimal' | 'other'

function kindOf({ type }: QueryColumn): Kind {
  if (type.endsWith(']')) return 'other'
  if (/^(DATE|TIMESTAMP)/.test(type)) return 'time'
  if (/^(VARCHAR|UUID|ENUM|JSON|TIME|INTERVAL|BIT$)/.test(type)) return 'text'
  if (/^(DECIMAL|U?HUGEINT|BIGNUM)/.test(type)) return 'decimal'
  return type === 'BIGINT' ? 'whole' : 'other'
}

export const isText = (column: QueryColumn): boolean => kindOf(column) === 'text'

/** Times, and whole numbers that may be ms UTC. */
export const isTime = (column: QueryColumn): boolean => ['time', 'whole'].includes(kindOf(column))

const time = { type: 'TIMESTAMP or BIGINT (ms UTC)', kinds: ['time', 'whole'] as readonly Kind[] }
const text = { type: 'VARCHAR', kinds: ['text'] as readonly Kind[] }

const due = [
  { name: 'event_id', ...text },
  { name: 'customer_id', ...text },
  { name: 'type', ...text },
  { name: 'occurred_at', ...time },
]
const loggedAt = { name: 'logged_at', ...time }

/** Refuses with `QUERY_COLUMNS` (exit 78), naming what came and what was due. */
export function checkColumns(columns: readonly QueryColumn[]): void {
  const problems: string[] = []
  const wanted = columns.some(({ name }) => name === loggedAt.name) ? [...due, loggedAt] : due
  for (const { name, type, kinds } of wanted) {
    const column = columns.find((candidate) => candidate.name === name)
    if (column === undefined) problems.push(`${name} is missing, due is ${type}`)
    else if (!kinds.includes(kindOf(column))) {
      problems.push(`${name} is ${column.type}, due is ${type}`)
    }
  }
  if (problems.length > 0) throw noEvents(problems.join('; '), columns)
}

function noEvents(problem: string, columns: readonly QueryColumn[]): Error {
  const came = columns.map(({ name, type }) => `${name} ${type}`).join(', ')
  const text = `the query's columns do not make events: ${problem}; it returns ${came}`
  return configurationError('QUERY_COLUMNS', text)
}

/** Those of the fields that an event must have for which the query has no column at all. */
export function fieldsWithoutColumn(
  required: readonly string[],
  columns: readonly QueryColumn[],
): readonly string[] {
  const names = new Set(columns.map(({ name }) => name))
  return required.filter((field) => !names.has(field))
}

/** `QUERY_COLUMNS` (exit 78): the fields that lack a column, and the one probably meant for each. */
export function columnsMissing(
  type: string,
  required: readonly string[],
  columns: readonly QueryColumn[],
): Error {
  const taken = new Set([...required, 'type', loggedAt.name])
  const spare = columns.map(({ name }) => name).filter((name) => !taken.has(name))
  const missing = fieldsWithoutColumn(required, columns).map((field) => {
    const hint = nearest(field, spare).replace(': ', '')
    return hint === '' ? field : `${field} (${hint})`
  })
  return noEvents(`${type} lacks ${missing.join(', ')}`, columns)
}

/** @example quoted('my "col"') // '"my ""col"""' */
export function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

/**
 * The expression that brings a column into a plain type. Times become ms UTC with finer digits cut
 * (also before 1970), whatever is not finite becomes null, exact decimals become doubles.
 */
export function plainExpression(column: QueryColumn): string {
  const name = quoted(column.name)
  const kind = kindOf(column)
  if (kind === 'time') {
    const micros = `epoch_us(${column.type === 'DATE' ? `${name}::TIMESTAMP` : name})`
    const cut = `(${micros} - ((${micros} % 1000) + 1000) % 1000) // 1000`
    return `CASE WHEN isfinite(${name}) THEN (${cut})::DOUBLE END AS ${name}`
  }
  if (kind === 'decimal') return `${name}::DOUBLE AS ${name}`
  return kind === 'text' && column.type !== 'VARCHAR' ? `${name}::VARCHAR AS ${name}` : name
}

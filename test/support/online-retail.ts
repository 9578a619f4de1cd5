/**
 * The real invoice lines of Online Retail as the naive implementation's log: what the example's SQL
 * returns, in the order in which an ingest without `logged_at` appends it.
 */
import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { DuckDBInstance } from '@duckdb/node-api'
import { featureSet } from '../../examples/online-retail/features.js'
import { eligible, labels } from '../../examples/online-retail/labels.js'
import type { NaiveDeclaration, NaiveRecord } from './naive.js'

const root = fileURLToPath(new URL('../../', import.meta.url))

/** Relative to the repository's root, for the name of a skipped test. */
export const onlineRetailFile = '../shared/data/online_retail/online_retail.csv.gz'
export const hasOnlineRetail = existsSync(`${root}${onlineRetailFile}`)

/** Ten cut-offs, one every four weeks; the label of the last one is not known yet. */
export const onlineRetailCutoffs: readonly number[] = Array.from(
  { length: 10 },
  (_, i) => Date.UTC(2011, 1, 20) + i * 28 * 86_400_000,
)

export const onlineRetailDeclaration: NaiveDeclaration = {
  spec: featureSet.spec,
  eligible,
  label: labels.spec,
}

/** Lines without a customer are refused before anybody asks for their type. */
const fields = {
  purchase: ['invoice', 'stock_code', 'quantity', 'unit_price', 'amount', 'country'],
  cancellation: ['invoice', 'stock_code', 'quantity', 'unit_price', 'amount', 'country'],
} as const

/** All 541,909 lines in log order (one partition); takes some ten seconds. */
export async function onlineRetailRecords(): Promise<NaiveRecord[]> {
  const sql = readFileSync(`${root}examples/online-retail/events.sql`, 'utf8')
  const file = `${root}${onlineRetailFile}`.replaceAll("'", "''")
  const instance = await DuckDBInstance.create(':memory:', { threads: '1' })
  const connection = await instance.connect()
  try {
    const query = `select * replace (epoch_ms(occurred_at)::double as occurred_at)
      from (${sql.replaceAll('${files}', `['${file}']`)}) order by occurred_at, event_id`
    const reader = await connection.runAndReadAll(query)
    const columns = reader.getColumnsObjectJS() as Columns
    return columns['event_id'].map((_, offset) => recordOf(columns, offset))
  } finally {
    connection.closeSync()
    instance.closeSync()
  }
}

type Columns = Record<string, (string | number | bigint | null)[]>

/** DuckDB tells the quantity as a BIGINT. */
const plain = (value: string | number | bigint | null): string | number | null =>
  typeof value === 'bigint' ? Number(value) : value

function recordOf(columns: Columns, row: number): NaiveRecord {
  const type = columns['type'][row] as keyof typeof fields
  const customer = columns['customer_id'][row] as string | null
  const occurredAt = columns['occurred_at'][row] as number
  return {
    partition: 0,
    offset: row,
    loggedAt: occurredAt,
    type,
    rejected: customer === null,
    body: {
      event_id: columns['event_id'][row] as string,
      customer_id: customer ?? '',
      occurred_at: occurredAt,
      ...Object.fromEntries(fields[type].map((field) => [field, plain(columns[field][row])])),
    },
  }
}

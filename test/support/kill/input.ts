/**
 * What the killed processes work on: some thousand events of the made-up business, with what a real
 * source has too: late events, repeated ones, rows that are broken in many ways.
 */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { LogRecord } from '../../../src/log/log.js'
import { Business } from '../../../src/ingest/generator/business.js'
import { type GeneratedEvent, recordOf } from '../../../src/ingest/generator/generated.js'
import type { EventCodec } from '../../../src/events/event.js'
import { type Random, seededRandom } from '../random.js'

const day = 86_400_000
const beginMs = Date.UTC(2025, 0, 1)

/** A source file, the query that reads it, and how many rows it has. */
export interface SourceFile {
  readonly file: string
  readonly sql: string
  readonly rows: number
}

type Row = Record<string, unknown>

const columns: Record<string, string> = {
  event_id: 'VARCHAR',
  customer_id: 'VARCHAR',
  type: 'VARCHAR',
  occurred_at: 'BIGINT',
  logged_at: 'BIGINT',
  source: 'VARCHAR',
  age: 'INTEGER',
  gender: 'VARCHAR',
  location: 'VARCHAR',
  acquisition_channel: 'VARCHAR',
  change: 'VARCHAR',
  status: 'VARCHAR',
  plan: 'VARCHAR',
  payment_method: 'VARCHAR',
  billing_amount: 'DOUBLE',
  duration_seconds: 'DOUBLE',
  device: 'VARCHAR',
  content_type: 'VARCHAR',
  minutes: 'DOUBLE',
  amount: 'DOUBLE',
  method: 'VARCHAR',
  attempt: 'INTEGER',
  category: 'VARCHAR',
  priority: 'VARCHAR',
}

/** Events of a business of `customers` over 120 days and the two years before. */
export function madeUpEvents(seed: number, customers: number): GeneratedEvent[] {
  const business = new Business({ seed, customers, originMs: beginMs })
  return [...business.between(business.beginMs, beginMs + 120 * day)].flat()
}

/**
 * Writes the events as lines of JSON, and the query. Each row's `source` is its number, `row-17`, so
 * that one can be told from its repetition.
 */
export async function writeSource(
  folder: string,
  seed: number,
  customers: number,
): Promise<SourceFile> {
  const random = seededRandom(seed)
  const rows = madeUpEvents(seed, customers).flatMap((event) => rowsOf(event, random))
  const lines = rows.map((row, i) => JSON.stringify({ ...row, source: `row-${i}` }))
  const file = join(folder, 'events.json')
  await writeFile(file, `${lines.join('\n')}\n`)
  const sql = join(folder, 'events.sql')
  const types = Object.entries(columns).map(([name, type]) => `${name}: '${type}'`)
  const read = `read_json(\${files}, format = 'newline_delimited', columns = {${types.join(', ')}})`
  await writeFile(sql, `FROM ${read}\n`)
  return { file, sql, rows: rows.length }
}

/** A row, and now and then what goes wrong with one. */
function rowsOf(event: GeneratedEvent, random: Random): Row[] {
  const row: Row = { ...event.body, type: event.type, logged_at: event.timestamp }
  const { occurred_at: occurredAt } = event.body
  switch (random.below(60)) {
    case 0:
      return [row, { ...row }]
    case 1:
      return [
        row,
        { ...row, event_id: `${event.body.event_id}-late`, occurred_at: occurredAt - 100 * day },
      ]
    case 2:
      return [row, broken(row, occurredAt, random)]
    default:
      return [row]
  }
}

function broken(row: Row, occurredAt: number, random: Random): Row {
  const wrongs: Row[] = [
    // These cannot be encoded: rejects of the ingest.
    { type: 'no_such_type' },
    { customer_id: null },
    { logged_at: Math.floor(occurredAt / 1000) },
    { type: 'payment', amount: null },
    // These can, and are judged like any record.
    { occurred_at: occurredAt + 3_600_000 },
    { type: 'customer_profile', age: 12 },
    { type: 'payment', amount: -1, status: 'paid', method: 'card', attempt: 1 },
    { customer_id: '' },
  ]
  return {
    ...row,
    event_id: `${String(row['event_id'])}-broken`,
    ...wrongs[random.below(wrongs.length)],
  }
}

/** The same business as records, with erasures: what is appended to a log without an ingest. */
export function madeUpRecords(seed: number, customers: number, codec: EventCodec): LogRecord[] {
  const random = seededRandom(seed + 1)
  const records: LogRecord[] = []
  for (const event of madeUpEvents(seed, customers)) {
    const record = recordOf(event, codec)
    records.push(record)
    const chance = random.below(150)
    if (chance === 0) records.push({ ...record, value: null })
    if (chance === 1) records.push(record)
    if (chance === 2) {
      const body = { ...event.body, event_id: `${event.body.event_id}-late` }
      const late = { ...event, body: { ...body, occurred_at: body.occurred_at - 100 * day } }
      records.push(recordOf(late, codec))
    }
    if (chance === 3) records.push({ ...record, value: Buffer.from('not an event') })
  }
  return records
}

/**
 * The invoice lines of Online Retail read by plain JavaScript, and the events that they should
 * become. Shares nothing with DuckDB, `events.sql` or the ingest, which are held against it.
 */
import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import type { NaiveRecord } from '../support/naive.js'

export interface InvoiceLines {
  /** Lines of the file, its header left out. */
  readonly count: number
  /** Lines without a customer, by the number of the line from 1. */
  readonly nameless: readonly number[]
  /** Lines with one as events, in the order of a log: by time, then by id. */
  readonly records: readonly NaiveRecord[]
}

const header = 'InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country'

/** Reads a gzip file; takes some seconds and 500 MB for the real one. */
export function readInvoiceLines(path: string): InvoiceLines {
  const [first, ...lines] = gunzipSync(readFileSync(path)).toString('utf8').trimEnd().split('\n')
  if (first.trimEnd() !== header) throw new Error(`${path} has the header ${first}`)
  const linesOf = new Map<string, number>()
  const nameless: number[] = []
  const events: Omit<NaiveRecord, 'offset'>[] = []
  for (const [index, line] of lines.entries()) {
    const fields = fieldsOf(line)
    const lineOfInvoice = (linesOf.get(fields[0]) ?? 0) + 1
    linesOf.set(fields[0], lineOfInvoice)
    if (fields[6] === '') nameless.push(index + 1)
    else events.push(eventOf(fields, lineOfInvoice))
  }
  events.sort((a, b) => a.loggedAt - b.loggedAt || (a.body.event_id < b.body.event_id ? -1 : 1))
  const records = events.map((event, offset) => ({ ...event, offset }))
  return { count: lines.length, nameless, records }
}

function eventOf(fields: readonly string[], lineOfInvoice: number): Omit<NaiveRecord, 'offset'> {
  const [invoice, stockCode, , quantity, date, price, customer, country] = fields
  const occurredAt = Date.parse(`${date.replace(' ', 'T')}Z`)
  const pieces = Math.abs(Number(quantity))
  const thousandths = Math.round(Number(price) * 1000)
  return {
    partition: 0,
    loggedAt: occurredAt,
    type: invoice.startsWith('C') ? 'cancellation' : 'purchase',
    body: {
      event_id: `${invoice}-${String(lineOfInvoice).padStart(4, '0')}`,
      customer_id: customer.replace(/\.0$/, ''),
      occurred_at: occurredAt,
      source: null,
      invoice,
      stock_code: stockCode,
      quantity: pieces,
      unit_price: Number(price),
      amount: (pieces * thousandths) / 1000,
      country,
    },
  }
}

/** Fields of a line of CSV; none of the real ones goes over the end of a line. */
function fieldsOf(line: string): string[] {
  const fields = line.includes('"')
    ? [...line.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^",]*))/g)].map(
        ([, quoted, plain]) => quoted?.replaceAll('""', '"') ?? plain,
      )
    : line.split(',')
  if (fields.length !== 8) throw new Error(`a line has ${fields.length} fields: ${line}`)
  return fields
}

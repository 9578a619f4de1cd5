import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { AvroCodec } from '../../src/events/avro-codec.js'
import { isReject, type EventBody } from '../../src/events/event.js'
import { compileRules } from '../../src/events/rules.js'
import { schemaFiles } from '../../src/events/schema-gen.js'
import { QueryRows } from '../../src/ingest/duckdb-rows.js'
import { isRefused, RowEncoder } from '../../src/ingest/row-encoder.js'
import { rules } from '../../examples/online-retail/rules.js'
import { customerEvents, schemaIds } from '../../examples/online-retail/schemas.gen.js'

const folder = 'examples/online-retail'
const sql = readFileSync(join(folder, 'events.sql'), 'utf8')
const codec = new AvroCodec(customerEvents, schemaIds)
const compiled = compileRules(rules, codec.types)
const temporary = mkdtempSync(join(tmpdir(), 'tidemark-retail-'))
afterAll(() => rmSync(temporary, { recursive: true, force: true }))

interface Line {
  readonly type: string
  readonly body: EventBody
}

/** All rows as events, as an ingest would encode and the engine decode them. */
async function load(file: string) {
  const rows = await QueryRows.open({ sql, files: [file] }, { tempFolder: temporary })
  const encoder = new RowEncoder(codec, rows.names)
  const lines: Line[] = []
  const refused = new Map<string, number>()
  const broken = new Map<string, number>()
  const flags = new Map<string, number>()
  const accepted = new Map<string, number>()
  for await (const portion of rows.portions()) {
    for (let row = 0; row < portion.columns[0].length; row++) {
      const encoded = encoder.encode(portion, row, Infinity)
      if (isRefused(encoded)) {
        const { code } = encoded.reject
        refused.set(code, (refused.get(code) ?? 0) + 1)
        continue
      }
      const decoded = codec.decode(encoded.record.value)
      if (isReject(decoded)) throw new Error(decoded.reason)
      const { type, body } = decoded
      const before = accepted.get(body.customer_id) ?? 0
      const reject = compiled.check(type, body, before, flags)
      if (reject !== null) broken.set(reject.code, (broken.get(reject.code) ?? 0) + 1)
      accepted.set(body.customer_id, before | (1 << type))
      lines.push({ type: codec.types[type], body })
    }
  }
  await rows.close()
  return { lines, refused, broken, flags, customers: accepted.size }
}

describe('the online retail example', () => {
  test('its generated file says what its schemas say', () => {
    const { events } = schemaFiles(
      {
        schemas: join(folder, 'schemas'),
        generated: join(folder, 'schemas.gen.ts'),
        importFrom: 'tidemark',
      },
      null,
    )
    expect(customerEvents).toEqual(events)
  })

  test('makes purchases and cancellations of lines, and refuses those without a customer', async () => {
    const file = join(temporary, 'lines.csv')
    const text = [
      'InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country',
      '536365,85123A,"HEART, WHITE",6,2010-12-01 08:26:00,2.55,17850.0,United Kingdom',
      '536365,71053,LANTERN,2,2010-12-01 08:26:00,3.39,17850.0,United Kingdom',
      'C536379,D,Discount,-3,2010-12-01 09:41:00,27.5,14527.0,United Kingdom',
      '536414,22139,,-56,2010-12-01 11:52:00,0.0,,United Kingdom',
    ]
    writeFileSync(file, `${text.join('\n')}\n`)
    const { lines, refused, broken, flags } = await load(file)
    expect(lines).toHaveLength(3)
    expect(lines[0]).toEqual({
      type: 'purchase',
      body: {
        event_id: '536365-0001',
        customer_id: '17850',
        occurred_at: Date.UTC(2010, 11, 1, 8, 26),
        source: null,
        invoice: '536365',
        stock_code: '85123A',
        quantity: 6,
        unit_price: 2.55,
        amount: 15.3,
        country: 'United Kingdom',
      },
    })
    expect(lines[1].body.event_id).toBe('536365-0002')
    expect(lines[2]).toMatchObject({
      type: 'cancellation',
      body: { event_id: 'C536379-0001', quantity: 3, amount: 82.5 },
    })
    expect([...refused]).toEqual([['KEY_MISSING', 1]])
    expect([...broken]).toEqual([])
    expect([...flags]).toEqual([['bought', 1]])
  })
})

const real = '../shared/data/online_retail/online_retail.csv.gz'
describe.skipIf(!existsSync(real))(`the real file (skipped without ${real})`, () => {
  test('gives every line a place: an event or a reject', { timeout: 120_000 }, async () => {
    const { lines, refused, broken, flags, customers } = await load(real)
    expect(lines).toHaveLength(406_829)
    expect([...refused]).toEqual([['KEY_MISSING', 135_080]])
    expect(customers).toBe(4_372)
    expect([...broken]).toEqual([])
    expect(flags.get('priced')).toBe(40)
    expect(lines.filter(({ type }) => type === 'cancellation')).toHaveLength(8_905)
    expect(new Set(lines.map(({ body }) => body.event_id)).size).toBe(406_829)
    const times = lines.map(({ body }) => body.occurred_at)
    expect(times[0]).toBe(Date.UTC(2010, 11, 1, 8, 26))
    expect(times.at(-1)).toBe(Date.UTC(2011, 11, 9, 12, 50))
  })
})

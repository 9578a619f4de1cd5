import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { AvroCodec } from '../../src/events/avro-codec.js'
import { isReject, type EventBody } from '../../src/events/event.js'
import { outputSchemas } from '../../src/events/output-schemas.js'
import { compileRules } from '../../src/events/rules.js'
import { schemaFiles, staleFiles } from '../../src/events/schema-gen.js'
import { QueryRows } from '../../src/ingest/duckdb-rows.js'
import { ingestSql } from '../../src/ingest/ingest.js'
import { isRefused, RowEncoder } from '../../src/ingest/row-encoder.js'
import { MemoryLog } from '../../src/log/memory-log.js'
import { featureSet } from '../../examples/online-retail/features.js'
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
  return { lines, refused, broken, flags }
}

describe('the online retail example', () => {
  test('its generated files say what its schemas and features say', () => {
    const { name, features } = featureSet.spec
    const files = schemaFiles(
      {
        schemas: join(folder, 'schemas'),
        generated: join(folder, 'schemas.gen.ts'),
        importFrom: 'tidemark',
      },
      outputSchemas(name, features),
    )
    expect(staleFiles(files)).toEqual([])
    expect(customerEvents).toEqual(files.events)
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

/** What becomes of a second line beside a good one: its code, or null where it is an event. */
const lines: readonly (readonly [what: string, line: string, code: string | null])[] = [
  ['no number of pieces', '5,1,X,six,2010-12-01 08:26:00,2.55,17850.0,X', 'ROW_INVALID'],
  [
    'more pieces than there are',
    '5,1,X,99999999999,2010-12-01 08:26:00,2,17850.0,X',
    'ROW_INVALID',
  ],
  [
    'the last number taken back',
    'C5,1,X,-2147483648,2010-12-01 08:26:00,2,17850.0,X',
    'ROW_INVALID',
  ],
  ['a comma in the price', '5,1,X,6,2010-12-01 08:26:00,"2,55",17850.0,X', 'ROW_INVALID'],
  ['a price without end', '5,1,X,6,2010-12-01 08:26:00,inf,17850.0,X', 'NUMBER_RANGE'],
  ['no price', '5,1,X,6,2010-12-01 08:26:00,,17850.0,X', 'ROW_INVALID'],
  ['a date as Americans write it', '5,1,X,6,12/1/2010 8:26,2.55,17850.0,X', 'TIMESTAMP_RANGE'],
  ['a date of the next century', '5,1,X,6,2110-12-01 08:26:00,2.55,17850.0,X', 'TIMESTAMP_RANGE'],
  ['no invoice', ',1,X,6,2010-12-01 08:26:00,2.55,17850.0,X', 'ROW_INVALID'],
  ['no article', '5,,X,6,2010-12-01 08:26:00,2.55,17850.0,X', 'ROW_INVALID'],
  ['no country', '5,1,X,6,2010-12-01 08:26:00,2.55,17850.0,', 'ROW_INVALID'],
  ['no description', '5,1,,6,2010-12-01 08:26:00,2.55,17850.0,X', null],
  ['a negative number of pieces', '5,1,X,-6,2010-12-01 08:26:00,2.55,17850.0,X', null],
]

describe('wrong files', () => {
  const header =
    'InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n'
  const good = '536365,85123A,"HEART, WHITE",6,2010-12-01 08:26:00,2.55,17850.0,United Kingdom\n'
  const app = { name: 'online_retail', codec }

  async function ingest(text: string | Buffer) {
    const file = join(temporary, 'wrong.csv')
    writeFileSync(file, text)
    const log = new MemoryLog({ timeBase: { kind: 'none' } })
    const report = await ingestSql({ app, log, sql, files: [file] })
    return { ...report, events: await log.endOffset('online_retail.events', 0) }
  }

  test.each(lines)('%s: one line, and the others are loaded', async (_, line, code) => {
    const { rows, events, rejects } = await ingest(`${header}${good}${line}\n${good}`)
    expect(rows).toBe(3)
    expect(events).toBe(code === null ? 3 : 2)
    expect(Object.keys(rejects)).toEqual(code === null ? [] : [code])
  })

  test.each([
    ['empty', '', /"InvoiceNo" not found/],
    ['of other columns', 'a,b\n1,2\n', /"InvoiceNo" not found/],
    ['without a column', `${header}${good}`.replaceAll(/,[^,]*\n/g, '\n'), /"Country"/],
    ['with semicolons', `${header}${good}`.replaceAll(',', ';'), /"InvoiceNo" not found/],
    ['with a line that ends early', `${header}${good}536365,85123A\n${good}`, /CSV/],
    ['in Latin-1', Buffer.from(`${header}5,1,caf\xe9,6,2010-12-01,2,1,X\n`, 'latin1'), /utf-8/],
    ['not text at all', Buffer.from([0, 1, 2, 3, 255, 254, 10, 0]), /utf-8/],
  ])('a file %s is refused as a whole, in one sentence', async (_, text, why) => {
    await expect(ingest(text)).rejects.toMatchObject({
      code: 'QUERY_FAILED',
      exit: 78,
      message: expect.stringMatching(why),
    })
  })

  test('a file without lines is loaded, and has none', async () => {
    expect(await ingest(header)).toMatchObject({ rows: 0, events: 0, done: true })
  })
})

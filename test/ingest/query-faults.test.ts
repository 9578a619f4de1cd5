/** Queries that miss a column of an event, and what DuckDB says about the others. */
import { describe, expect, it } from 'vitest'
import { TidemarkError } from '../../src/errors.js'
import { AvroCodec } from '../../src/events/avro-codec.js'
import { registerSchemas } from '../../src/events/schema-ids.js'
import { ingestSql } from '../../src/ingest/ingest.js'
import { MemoryLog } from '../../src/log/memory-log.js'
import { envelope } from '../support/envelope.js'
import { tempFolder } from '../support/temp-folder.js'
import { fileOf } from './support.js'

const schemas = {
  order: {
    type: 'record',
    name: 'order',
    fields: [
      ...envelope,
      { name: 'amount', type: 'double' },
      { name: 'voucher', type: ['null', 'string'] },
      { name: 'shop', type: ['null', 'string'], default: null },
      { name: 'pieces', type: 'int', default: 1 },
    ],
  },
  visit: { type: 'record', name: 'visit', fields: envelope },
} as const

const codec = new AvroCodec(schemas, registerSchemas({}, Object.values(schemas), 'backward'))
const app = { name: 'shop', codec }

const line = 'event_id,customer_id,occurred_at,amount\na,c,2024-01-01 10:00:00,1.5\n'

/** Of the one row; `more` are the columns behind those of the envelope. */
const sqlOf = (type: string, more: string): string =>
  `SELECT event_id, customer_id, '${type}' AS type, occurred_at${more} FROM read_csv(\${files})`

async function failure(log: MemoryLog, text: string, sql: string): Promise<TidemarkError> {
  const files = [await fileOf(await tempFolder(), 'events.csv', text)]
  const error = await ingestSql({ app, log, files, sql }).catch((thrown: unknown) => thrown)
  if (!(error instanceof TidemarkError)) throw new Error(`it did not fail: ${String(error)}`)
  return error
}

const newLog = (): MemoryLog => new MemoryLog({ timeBase: { kind: 'none' } })

async function expectEmpty(log: MemoryLog): Promise<void> {
  for (const topic of ['events', 'rejects', 'ingests']) {
    expect(await log.endOffset(`shop.${topic}`, 0)).toBe(0)
  }
}

const came = 'it returns event_id VARCHAR, customer_id VARCHAR, type VARCHAR, occurred_at TIMESTAMP'
const good = ', amount, NULL::VARCHAR AS voucher'

describe('a required column', () => {
  it.each([
    [
      'misspelt',
      ', amount AS amonut, NULL::VARCHAR AS voucher',
      'amount (did you mean amonut?)',
      ', amonut DOUBLE, voucher VARCHAR',
    ],
    [
      'in capitals',
      ", amount AS AMOUNT, 'x' AS voucher",
      'amount (did you mean AMOUNT?)',
      ', AMOUNT DOUBLE, voucher VARCHAR',
    ],
    ['left out though it may be null', ', amount', 'voucher', ', amount DOUBLE'],
    ['left out with all others', '', 'amount, voucher', ''],
  ])('%s: nothing is loaded, and the corrected query is', async (_, more, lacks, last) => {
    const log = newLog()
    const error = await failure(log, line, sqlOf('order', more))
    expect(error).toMatchObject({ code: 'QUERY_COLUMNS', exit: 78 })
    expect(error.message).toBe(
      `the query's columns do not make events: order lacks ${lacks}; ${came}${last}`,
    )
    await expectEmpty(log)

    const files = [await fileOf(await tempFolder(), 'events.csv', line)]
    const report = await ingestSql({ app, log, files, sql: sqlOf('order', good) })
    expect(report).toMatchObject({ appended: 1, rejected: 0, resumedFrom: 0 })
  })

  it('is found behind rows of another type', async () => {
    const log = newLog()
    const sql = `${sqlOf('visit', '')}, range(6000) UNION ALL ${sqlOf('order', '')}`
    const error = await failure(log, line, sql)
    expect(error.message).toContain('order lacks amount, voucher;')
    await expectEmpty(log)
  })

  it('is not asked for where no row is of its type', async () => {
    const log = newLog()
    const files = [await fileOf(await tempFolder(), 'events.csv', line)]
    const report = await ingestSql({ app, log, files, sql: sqlOf('visit', '') })
    expect(report).toMatchObject({ appended: 1, rejected: 0 })
  })
})

describe("DuckDB's message", () => {
  it.each([
    ['a line of many characters', '😀'.repeat(5000)],
    ['many columns', 'column,'.repeat(2000)],
  ])('is cut where it repeats %s', async (_, bad) => {
    const sql = `SELECT event_id, customer_id, 'visit' AS type, occurred_at FROM read_csv(\${files},
      auto_detect = false, columns = {'event_id': 'VARCHAR', 'customer_id': 'VARCHAR', 'occurred_at': 'TIMESTAMP'})`
    const error = await failure(newLog(), `a,c,2024-01-01\na,c,${bad}\n`, sql)
    expect(error.code).toBe('QUERY_FAILED')
    expect(error.message.length).toBeLessThanOrEqual('the query failed: '.length + 500)
    expect(error.message).toMatch(/CSV Error on Line: 2 Original Line: a,c,\S+… \w.*…$/u)
    expect(error.message).not.toMatch(/\p{Surrogate}/u)
  })
})

import { createHash } from 'node:crypto'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DuckDBInstance } from '@duckdb/node-api'
import { beforeAll, describe, expect, it } from 'vitest'
import { MemoryLog } from '../../src/log/memory-log.js'
import { topicsOf } from '../../src/log/log.js'
import { parseCutoffs } from '../../src/replay/cutoffs.js'
import { writeTrainingSet, type TrainingSetOptions } from '../../src/replay/training-set.js'
import { NaiveLog, type NaiveAsk, type NaiveRow, type Visibility } from '../support/naive.js'
import { readParquet, type ParquetRow } from '../support/parquet.js'
import { tempFolder } from '../support/temp-folder.js'
import { vectorFeatures } from '../support/vectors-app.js'
import { appendRecords, naiveDeclaration, randomRecords, vectorsApp } from './support.js'

const app = vectorsApp({ eligible: true })
const records = randomRecords({ seed: 7, partitions: 3, events: 4000, customers: 40 })
const naive = new NaiveLog(records, naiveDeclaration(app))
const log = new MemoryLog({ partitions: 3, timeBase: { kind: 'none' } })
beforeAll(() => appendRecords(app, log, records))

type Options = Partial<TrainingSetOptions> & Pick<TrainingSetOptions, 'asked'>

async function replay(options: Options): Promise<{ rows: ParquetRow[]; out: string }> {
  const out = join(await tempFolder(), 'out.parquet')
  await writeTrainingSet({ app, log, out, ...options })
  return { rows: await readParquet(out), out }
}

const cutoffs = (text: string) => ({ kind: 'cutoffs', text, instants: parseCutoffs(text) }) as const

async function rowsFile(text: string, name = 'rows.csv') {
  const path = join(await tempFolder(), name)
  await writeFile(path, text)
  return { kind: 'rows', path } as const
}

function naiveRow(row: NaiveRow): ParquetRow {
  const values = vectorFeatures.spec.features.map(({ name }, i) => [name, row.values[i] ?? null])
  return {
    customer_id: row.customer,
    as_of: row.asOf,
    label: row.label,
    label_time: row.labelTime,
    ...Object.fromEntries(values),
  }
}

/** Quotients may end in other bits, as their formula may be written in several ways. */
function rounded(row: ParquetRow): ParquetRow {
  const entries = Object.entries(row).map(([name, value]) =>
    typeof value === 'number' && !Number.isInteger(value)
      ? ([name, Number(value.toPrecision(12))] as const)
      : ([name, value] as const),
  )
  return Object.fromEntries(entries)
}

describe.each(['known', 'happened'] as const)('visibility %s', (visibility: Visibility) => {
  it('gives at each cut-off the rows of who is seen and eligible, by time and id', async () => {
    const asked = cutoffs('2024-01-20T12:34:56.789..2024-06-28/13d')
    const { rows } = await replay({ asked, visibility })
    const due = asked.instants.flatMap((instant) => naive.cutoff(instant, visibility).map(naiveRow))
    expect(due.length).toBeGreaterThan(200)
    expect(rows.map(rounded)).toEqual(due.map(rounded))
  })

  it('answers a rows file in its order, with repeats and unknown customers', async () => {
    const asks: NaiveAsk[] = []
    for (let i = 0; i < 400; i++) {
      const asOf = records[(i * 7919) % records.length].body.occurred_at + (i % 3)
      asks.push({ customer: i % 50 === 0 ? 'nobody' : `c${(i * 31) % 40}`, asOf })
    }
    asks.push(...asks.slice(0, 10))
    const lines = asks.map(({ customer, asOf }) => `${customer},${asOf}`)
    const asked = await rowsFile(`customer_id,as_of\n${lines.join('\n')}\n`)
    const { rows } = await replay({ asked, visibility })
    const due = asks.map((ask) => naiveRow(naive.row(ask, visibility)))
    expect(rows.map(rounded)).toEqual(due.map(rounded))
  })

  it('takes a prefix in the place of log time, whatever order prefixes come in', async () => {
    const asks: NaiveAsk[] = []
    for (let i = 0; i < 300; i++) {
      const { partition, offset, body } = records[(i * 4133) % records.length]
      const endOffset = i % 5 === 0 ? offset / 2 : offset + 1
      const prefix = { partition, endOffset: Math.floor(endOffset) }
      const asOf = body.occurred_at + 1 + (i % 4) * 86_400_000
      asks.push({ customer: body.customer_id, asOf, prefix })
    }
    const lines = asks.map(
      ({ customer, asOf, prefix }) =>
        `{"customer_id":"${customer}","as_of":${asOf},"partition":${prefix!.partition},` +
        `"endOffset":${prefix!.endOffset}}`,
    )
    const asked = await rowsFile(lines.join('\n'), 'rows.jsonl')
    const { rows } = await replay({ asked, visibility })
    const due = asks.map((ask) => naiveRow(naive.row(ask, visibility)))
    expect(rows.map(rounded)).toEqual(due.map(rounded))
  })
})

describe('the file', () => {
  const asked = cutoffs('2024-02-01..2024-06-20/10d')

  it('has the same bytes each time, also when the log has grown meanwhile', async () => {
    const own = new MemoryLog({ partitions: 3, timeBase: { kind: 'none' } })
    await appendRecords(app, own, records)
    const until = await Promise.all([0, 1, 2].map((p) => own.endOffset('adversarial.events', p)))
    const hash = async (options: Partial<Options>) => {
      const { out } = await replay({ asked, log: own, ...options })
      return createHash('sha256')
        .update(await readFile(out))
        .digest('hex')
    }
    const first = await hash({})
    expect(await hash({})).toBe(first)
    await appendRecords(
      app,
      own,
      randomRecords({ seed: 9, partitions: 3, events: 50, customers: 9 }),
    )
    expect(await hash({ until })).toBe(first)
    expect(await hash({})).not.toBe(first)
  })

  it('has the types of the contract and says what it was made from', async () => {
    const { out } = await replay({ asked })
    const instance = await DuckDBInstance.create(':memory:')
    const connection = await instance.connect()
    const query = async (sql: string) => (await connection.runAndReadAll(sql)).getRowsJson()
    const schema = await query(
      `SELECT name, type, logical_type FROM parquet_schema('${out}') WHERE type IS NOT NULL`,
    )
    const utc =
      'TimestampType(isAdjustedToUTC=1, unit=TimeUnit(MILLIS=MilliSeconds(), MICROS=<null>, NANOS=<null>))'
    expect(schema.slice(0, 5)).toEqual([
      ['customer_id', 'BYTE_ARRAY', null],
      ['as_of', 'INT64', utc],
      ['label', 'INT64', null],
      ['label_time', 'INT64', utc],
      ['n_1h_exact', 'INT64', null],
    ])
    const types = new Map(schema.map(([name, type]) => [name, type]))
    expect([types.get('sum_7d'), types.get('plan')]).toEqual(['DOUBLE', 'BYTE_ARRAY'])
    const [[metadata]] = await query(
      `SELECT decode(value) FROM parquet_kv_metadata('${out}') WHERE decode(key) = 'tidemark'`,
    )
    connection.closeSync()
    instance.closeSync()
    expect(JSON.parse(metadata as string)).toMatchObject({
      app: 'adversarial',
      appHash: app.engine.appHash,
      featureSet: 'adversarial/1',
      visibility: 'known',
      cutoffs: '2024-02-01..2024-06-20/10d',
      label: { gapMs: 86_400_000, horizonMs: 604_800_000, kind: 'lapse' },
      synthetic: true,
      logId: log.id,
    })
    const { features } = JSON.parse(metadata as string) as { features: object[] }
    expect(features).toContainEqual({ name: 'tenure', type: 'long', growing: true })
    expect(features).toContainEqual({ name: 'sum_7d', type: 'double', growing: false })
  })

  it('keeps ids byte for byte', async () => {
    const ids = ['\uFEFFbom', ' blank ', '\u0000', 'Ä', 'A\u0308', '"\\\n', '0042', '🦊', 'null']
    const own = new MemoryLog({ timeBase: { kind: 'none' } })
    const at = Date.UTC(2024, 0, 1)
    const ofIds = ids.map((customer_id, offset) => ({
      partition: 0,
      offset,
      loggedAt: at,
      type: 'order',
      body: { event_id: `e${offset}`, customer_id, occurred_at: at, amount: 1 },
    }))
    await appendRecords(app, own, ofIds)
    const rows = ids.map((customer_id) => ({ customer_id, as_of: at + 1000 }))
    const file = await rowsFile(JSON.stringify(rows), 'rows.json')
    const { out } = await replay({ log: own, asked: file })
    const instance = await DuckDBInstance.create(':memory:')
    const connection = await instance.connect()
    const read = await connection.runAndReadAll(
      `SELECT hex(encode(customer_id)), n_24h FROM read_parquet('${out}')`,
    )
    const hex = (id: string) => Buffer.from(id).toString('hex').toUpperCase()
    expect(read.getRowsJson()).toEqual(ids.map((id) => [hex(id), '1']))
    connection.closeSync()
    instance.closeSync()
  })

  it('is not written over another one, nor into a folder that is not there', async () => {
    const { out } = await replay({ asked })
    await expect(replay({ asked, out })).rejects.toMatchObject({ code: 'OUTPUT_EXISTS', exit: 74 })
    const nowhere = join(out, '..', 'nowhere', 'a.parquet')
    await expect(replay({ asked, out: nowhere })).rejects.toMatchObject({
      code: 'OUTPUT_UNWRITABLE',
      exit: 74,
    })
  })

  it('is not left half written, nor its temporary folder, where the replay fails', async () => {
    const folder = await tempFolder()
    const out = join(folder, 'out.parquet')
    const onProgress = (): never => {
      throw new Error('stop')
    }
    const work = writeTrainingSet({ app, log, asked, out, tempFolder: folder, onProgress })
    await expect(work).rejects.toThrow('stop')
    expect(await readdir(folder)).toEqual([])
  })
})

describe('erased customers', () => {
  it('count for clocks only, below their erasure', async () => {
    const at = Date.UTC(2024, 0, 1)
    const order = (customer_id: string, offset: number, day: number) => ({
      partition: 0,
      offset,
      loggedAt: at + day * 86_400_000,
      type: 'order',
      body: { event_id: `e${offset}`, customer_id, occurred_at: at + day * 86_400_000, amount: 1 },
    })
    const own = new MemoryLog({ timeBase: { kind: 'none' } })
    await appendRecords(app, own, [order('a', 0, 0), order('b', 1, 1), order('a', 2, 2)])
    const erasure = own.begin('test')
    const headers = null
    const tombstone = {
      key: Buffer.from('a'),
      value: null,
      timestamp: at + 2 * 86_400_000,
      headers,
    }
    erasure.append(topicsOf(app.name).events, 0, tombstone)
    await erasure.commit()
    await appendRecords(app, own, [order('a', 4, 3), order('b', 5, 11), order('b', 6, 13)])
    const file = await rowsFile('customer_id,as_of\na,2024-01-03\na,2024-01-05\nb,2024-01-05\n')
    const { rows } = await replay({ log: own, asked: file })
    expect(rows.map(({ n_7d }) => n_7d)).toEqual([null, 1, 1])
    // The label of the first row reaches to 11 January: his order of the 4th counts, it came later.
    expect(rows.map(({ label }) => label)).toEqual([0, 1, 0])
  })
})

describe('what cannot be answered', () => {
  it.each([
    ['2023-12-01..2024-02-01/7d', 'is before the log begins; the log has 2024-01-0'],
    ['2024-02-01..2025-01-01/7d', 'is in the future; the log has 2024-01-0'],
  ])('cut-offs %s', async (text, reason) => {
    const work = replay({ asked: cutoffs(text) })
    await expect(work).rejects.toMatchObject({ code: 'CUTOFFS_RANGE', exit: 78 })
    await expect(work).rejects.toThrow(reason)
  })

  it.each([
    ['2024-02-01..2024-01-01/7d', 'FROM is after TO'],
    ['2024-02-30..2024-03-01/7d', '2024-02-30 is no instant'],
    ['2024-02-01..2024-03-01/1mo', 'months and years are not durations'],
    ['2024-02-01..2024-03-01/0d', 'the step is 0'],
    ['2024-02-01..2024-03-01/1s', 'more than 10000 cut-offs'],
    ['soon', 'soon is no instant'],
  ])('the text %s', (text, reason) => {
    const parse = () => parseCutoffs(text)
    expect(parse).toThrow(reason)
    expect(parse).toThrow(expect.objectContaining({ code: 'CUTOFFS_INVALID', exit: 2 }))
  })

  it('ends beyond the log', async () => {
    const work = replay({ asked: cutoffs('2024-03-01'), until: [1, 2, 99_999] })
    await expect(work).rejects.toMatchObject({ code: 'UNTIL_INVALID', exit: 78 })
  })

  it.each([
    ['no customer', 'customer,as_of\na,2024-01-03\n', '"customer_id" do not exist'],
    ['no instant', 'customer_id,as_of\na,\nb,2024-01-03\n', 'row 1 has no as_of'],
    ['a number for an instant', 'customer_id,as_of\na,1.5\n', 'as_of is DOUBLE, due is TIMESTAMP'],
    ['half a prefix', 'customer_id,as_of,partition\na,2024-01-03,1\n', 'partition and endOffset'],
  ])('a rows file with %s', async (_, text, reason) => {
    const work = replay({ asked: await rowsFile(text) })
    await expect(work).rejects.toMatchObject({ code: 'ROWS_INVALID', exit: 78 })
    await expect(work).rejects.toThrow(reason)
  })

  it('a rows file that is not there', async () => {
    const work = replay({ asked: { kind: 'rows', path: '/nowhere/rows.parquet' } })
    await expect(work).rejects.toMatchObject({ code: 'FILE_MISSING', exit: 74 })
  })
})

it('cut-offs include both ends, also where the steps do not come to the last', () => {
  const days = parseCutoffs('2024-03-01..2024-03-08/3d').map((ms) => new Date(ms).getUTCDate())
  expect(days).toEqual([1, 4, 7, 8])
  expect(parseCutoffs('2024-03-01T12:00+02:00')).toEqual([Date.UTC(2024, 2, 1, 10)])
  expect(parseCutoffs('2024-03-01T12:00')).toEqual([Date.UTC(2024, 2, 1, 12)])
})

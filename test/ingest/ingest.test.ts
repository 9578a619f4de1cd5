import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { TidemarkError } from '../../src/errors.js'
import { QueryRows } from '../../src/ingest/duckdb-rows.js'
import { ingestSql, type IngestOptions, type IngestReport } from '../../src/ingest/ingest.js'
import { partitionOf } from '../../src/events/partition.js'
import { MemoryLog } from '../../src/log/memory-log.js'
import { tempFolder } from '../support/temp-folder.js'
import { app, eventsOf, fileOf, ordersSql, recordsOf } from './support.js'

const historic = { kind: 'none' } as const

async function csv(text: string, name = 'events.csv'): Promise<string> {
  return fileOf(await tempFolder(), name, text)
}

const allColumns = "SELECT * FROM read_csv(${files}, types = {'customer_id': 'VARCHAR'})"

async function run(
  log: MemoryLog,
  files: readonly string[],
  sql = allColumns,
  more: Partial<IngestOptions> = {},
): Promise<IngestReport> {
  return ingestSql({ app, log, files, sql, ...more })
}

async function failure(work: Promise<unknown>): Promise<TidemarkError> {
  const error = await work.then(
    () => new Error('it did not fail'),
    (thrown: unknown) => thrown,
  )
  if (!(error instanceof TidemarkError)) throw error
  return error
}

describe('rows become events', () => {
  it('keeps the fields of its type and the time to the millisecond, finer digits cut', async () => {
    const path = await csv(
      'event_id,customer_id,type,occurred_at,amount,plan,other\n' +
        'a,007,order,2024-03-01 10:00:00.9999,1.5,,x\n' +
        'b,007,plan,2024-03-01 10:00:01,,gold,y\n',
    )
    const log = new MemoryLog({ timeBase: historic })
    const report = await run(log, [path])
    expect(report).toMatchObject({ rows: 2, appended: 2, rejected: 0, done: true, total: 2 })
    const at = Date.UTC(2024, 2, 1, 10)
    expect(await eventsOf(log)).toEqual([
      { event_id: 'a', customer_id: '007', occurred_at: at + 999, amount: 1.5 },
      { event_id: 'b', customer_id: '007', occurred_at: at + 1000, plan: 'gold' },
    ])
    const records = await recordsOf(log, 'shop.events')
    expect(records.map(({ timestamp }) => timestamp)).toEqual([at + 999, at + 1000])
    expect(records.map(({ key }) => key!.toString())).toEqual(['007', '007'])
  })

  it('takes decimals, big integers, zoned times and dates', async () => {
    const path = await csv('x\n1\n')
    const sql = `SELECT 'a' AS event_id, 'c' AS customer_id, 'order' AS type,
        TIMESTAMPTZ '2024-01-01 01:00:00.000999+01' AS occurred_at, 12.25::DECIMAL(9, 3) AS amount
      FROM read_csv(\${files})
      UNION ALL BY NAME
      SELECT 'b' AS event_id, 'c' AS customer_id, 'order' AS type,
        DATE '2024-01-02' AS occurred_at, 7::HUGEINT AS amount;`
    const log = new MemoryLog({ timeBase: historic })
    await run(log, [path], sql)
    expect(await eventsOf(log)).toMatchObject([
      { occurred_at: Date.UTC(2024, 0, 1), amount: 12.25 },
      { occurred_at: Date.UTC(2024, 0, 2), amount: 7 },
    ])
  })

  it('puts each customer into the partition of his key', async () => {
    const log = new MemoryLog({ timeBase: historic, partitions: 4 })
    await run(log, [await csv('x\n1\n')], ordersSql(40))
    let events = 0
    for (let partition = 0; partition < 4; partition++) {
      for (const { customer_id } of await eventsOf(log, partition)) {
        expect(partitionOf(Buffer.from(customer_id), 4)).toBe(partition)
        events++
      }
    }
    expect(events).toBe(40)
  })

  it('keeps ids byte for byte', async () => {
    const ids = ['\uFEFFbom', ' blank ', '\u0000', 'Ä', 'A\u0308', '"\\\n', '0042', '🦊']
    const rows = ids.map((id, i) => ({
      event_id: `e${i}`,
      customer_id: id,
      type: 'visit',
      occurred_at: 1_700_000_000_000 + i,
    }))
    const log = new MemoryLog({ timeBase: historic })
    await run(log, [await csv(JSON.stringify(rows), 'a.json')], 'FROM read_json(${files})')
    expect((await eventsOf(log)).map(({ customer_id }) => customer_id)).toEqual(ids)
    const records = await recordsOf(log, 'shop.events')
    expect(records.map(({ key }) => key!.toString())).toEqual(ids)
  })

  it('reads JSON from a file whose name has quotes and brackets', async () => {
    const name = "o'brien [1].json"
    const path = await csv(
      '{"event_id":"a","customer_id":"c","type":"visit","occurred_at":1700000000000}\n',
      name,
    )
    const log = new MemoryLog({ timeBase: historic })
    await run(log, [path], 'SELECT * FROM read_json(${files})')
    expect(await eventsOf(log)).toHaveLength(1)
  })
})

describe('the order of rows', () => {
  const head = 'event_id,customer_id,type,occurred_at,amount'
  const at = (minute: number): string => `2024-01-01 00:0${minute}:00`

  it('is by time, then event id, over all files', async () => {
    const first = await csv(`${head}\nd,c,order,${at(3)},1\nb,c,order,${at(1)},1\n`)
    const second = await csv(`${head}\nc,c,order,${at(1)},1\na,c,order,${at(2)},1\n`)
    const log = new MemoryLog({ timeBase: historic })
    await run(log, [first, second])
    expect((await eventsOf(log)).map(({ event_id }) => event_id)).toEqual(['b', 'c', 'a', 'd'])
  })

  it('is that of the rows where the query gives logged_at, which stamps the records', async () => {
    const path = await csv(
      `${head},logged_at\nb,c,order,${at(2)},1,${at(5)}\na,c,order,${at(1)},1,${at(4)}\n`,
    )
    const log = new MemoryLog({ timeBase: historic })
    await run(log, [path])
    const records = await recordsOf(log, 'shop.events')
    const base = Date.UTC(2024, 0, 1)
    expect((await eventsOf(log)).map(({ event_id }) => event_id)).toEqual(['b', 'a'])
    expect(records.map(({ timestamp }) => timestamp - base)).toEqual([300_000, 240_000])
  })

  it('counts the rows that are older than what another source brought', async () => {
    const log = new MemoryLog({ timeBase: historic })
    await run(log, [await csv(`${head}\na,c,order,${at(5)},1\n`)])
    const late = await csv(`${head}\nb,c,order,${at(4)},1\nc,c,order,${at(6)},1\n`)
    expect((await run(log, [late])).older).toBe(1)
  })
})

describe('rows that are no events', () => {
  it('become rejects with the row, the code and the reason', async () => {
    const path = await csv(
      'event_id,customer_id,type,occurred_at,amount\n' +
        'a,,order,2024-01-01,1\n' +
        'b,c,refund,2024-01-01,1\n' +
        'c,c,order,,1\n' +
        'd,c,order,2024-01-01,nan\n' +
        ',c,order,2024-01-01,1\n' +
        'f,c,order,1970-01-20,1\n' +
        'g,c,order,2024-01-01,1\n',
    )
    const log = new MemoryLog({ timeBase: historic })
    const report = await run(log, [path])
    expect(report).toMatchObject({ rows: 7, appended: 1, rejected: 6 })
    const rejects = await recordsOf(log, 'shop.rejects')
    const header = (name: string) =>
      rejects.map(({ headers }) => headers!.find(([key]) => key === name)?.[1].toString())
    expect(header('tidemark.errors.code').map(String).sort()).toEqual([
      'KEY_MISSING',
      'NUMBER_RANGE',
      'ROW_INVALID',
      'TIMESTAMP_RANGE',
      'TIMESTAMP_RANGE',
      'TYPE_UNKNOWN',
    ])
    expect(new Set(header('tidemark.errors.stage'))).toEqual(new Set(['ingest']))
    const row = rejects.map(({ value }) => JSON.parse(value!.toString()) as object)
    expect(row).toContainEqual({
      event_id: 'a',
      customer_id: null,
      type: 'order',
      occurred_at: Date.UTC(2024, 0, 1),
      amount: 1,
    })
    expect(report.rejects['TYPE_UNKNOWN']).toEqual({
      count: 1,
      example: 'type "refund" is none of order, plan, visit',
    })
  })

  it('includes whole numbers that no double holds, told exactly', async () => {
    const path = await csv('x\n1\n')
    const sql = `SELECT 'a' AS event_id, 'c' AS customer_id, 'order' AS type,
      9007199254740993 AS amount, 1700000000000 AS occurred_at FROM read_csv(\${files})`
    const log = new MemoryLog({ timeBase: historic })
    await run(log, [path], sql)
    const [reject] = await recordsOf(log, 'shop.rejects')
    expect(reject.value!.toString()).toContain('"9007199254740993"')
  })

  it('includes those that the log would refuse as too far ahead', async () => {
    const now = Date.UTC(2024, 0, 1)
    const log = new MemoryLog({ timeBase: { kind: 'wall' }, clock: () => now })
    const report = await run(log, [await csv('x\n1\n')], ordersSql(120))
    expect(report).toMatchObject({ appended: 61, rejected: 59 })
    expect(report.rejects['TIMESTAMP_RANGE'].count).toBe(59)
  })
})

describe('what is refused', () => {
  const log = new MemoryLog({ timeBase: historic })

  it('names a missing file', async () => {
    const error = await failure(run(log, ['/nowhere/events.csv']))
    expect(error).toMatchObject({ code: 'FILE_MISSING', exit: 74 })
    expect(error.message).toBe('cannot read /nowhere/events.csv: no such file')
  })

  it('finds a gzip file that was cut short, or holds other bytes than were packed', async () => {
    const rows = Array.from({ length: 50 }, (_, i) => `e${i},c,visit,2024-01-01\n`).join('')
    const whole = gzipSync(`event_id,customer_id,type,occurred_at\n${rows}`)
    const flipped = Buffer.from(whole)
    flipped[whole.length - 6] ^= 1
    const folder = await tempFolder()
    for (const [i, bytes] of [whole.subarray(0, -8), flipped].entries()) {
      const path = join(folder, `damaged-${i}.csv.gz`)
      await writeFile(path, bytes)
      const error = await failure(run(log, [path]))
      expect(error).toMatchObject({ code: 'FILE_DAMAGED', exit: 74 })
      expect(error.message).toContain(`${path} is damaged: `)
    }
    const path = join(folder, 'whole.csv.gz')
    await writeFile(path, whole)
    const own = new MemoryLog({ timeBase: historic })
    expect(await run(own, [path])).toMatchObject({ rows: 50, appended: 50 })
  })

  it('gives the sentence of DuckDB', async () => {
    const error = await failure(run(log, [await csv('x\n1\n')], 'SELEC 1 FROM read_csv(${files})'))
    expect(error).toMatchObject({ code: 'QUERY_FAILED', exit: 78 })
    expect(error.message).toBe('the query failed: Parser Error: syntax error at or near "SELEC"')
  })

  it('fails before the first row where a later one cannot be converted', async () => {
    const path = await csv('event_id,customer_id,type,occurred_at\na,c,visit,2024-01-01\n')
    const sql = `SELECT event_id, customer_id, type, CASE WHEN i = 9999
      THEN 'soon' ELSE '2024-01-01' END::TIMESTAMP AS occurred_at
      FROM read_csv(\${files}), range(10000) r(i)`
    const error = await failure(run(log, [path], sql))
    expect(error.code).toBe('QUERY_FAILED')
    expect(await log.endOffset('shop.events', 0)).toBe(0)
  })

  it('names the columns that came and that were due', async () => {
    const sql =
      'SELECT 1 AS event_id, 2 AS customer_id, now() AS occurred_at FROM read_csv(${files})'
    const error = await failure(run(log, [await csv('x\n1\n')], sql))
    expect(error).toMatchObject({ code: 'QUERY_COLUMNS', exit: 78 })
    expect(error.message).toBe(
      "the query's columns do not make events: event_id is INTEGER, due is VARCHAR; customer_id is " +
        'INTEGER, due is VARCHAR; type is missing, due is VARCHAR; it returns event_id INTEGER, ' +
        'customer_id INTEGER, occurred_at TIMESTAMP WITH TIME ZONE',
    )
  })

  it.each([
    ['a query without its files', 'SELECT 1', 'QUERY_FILES'],
    ['several statements', 'SELECT 1; FROM read_csv(${files})', 'QUERY_FAILED'],
  ])('%s', async (_, sql, code) => {
    expect(await failure(run(log, [await csv('x\n1\n')], sql))).toMatchObject({ code, exit: 78 })
  })

  it('several files with logged_at', async () => {
    const sql = `SELECT *, occurred_at AS logged_at FROM (${ordersSql(3)})`
    const error = await failure(run(log, [await csv('x\n1\n'), await csv('x\n2\n')], sql))
    expect(error).toMatchObject({ code: 'QUERY_LOGGED_AT', exit: 78 })
  })

  it('a log whose clock is not that of the files', async () => {
    const path = await csv('x\n1\n')
    const timeBase = { kind: 'virtual', origin: Date.UTC(2024, 0, 1), speed: 10 } as const
    const virtual = new MemoryLog({ timeBase })
    expect((await failure(run(virtual, [path], ordersSql(2)))).code).toBe('TIME_BASE')
    const wrong = run(virtual, [path], ordersSql(2), { speed: 20 })
    expect((await failure(wrong)).code).toBe('TIME_BASE')
    expect((await failure(run(log, [path], ordersSql(2), { speed: 20 }))).code).toBe('TIME_BASE')
  })

  it('a source that is loaded already, whatever its files are called', async () => {
    const own = new MemoryLog({ timeBase: historic })
    const files = [await csv('x\n1\n'), await csv('x\n2\n')]
    await run(own, files, ordersSql(5))
    const again = [await csv('x\n2\n', 'other.csv'), await csv('x\n1\n')]
    const error = await failure(run(own, again, ordersSql(5)))
    expect(error).toMatchObject({ code: 'INGEST_DONE', exit: 78 })
    expect(error.message).toMatch(/already loaded: 10 rows are in the log/)
    expect(await own.endOffset('shop.events', 0)).toBe(10)
  })
})

describe('a run that was cut short', () => {
  it.each(['before', 'after'] as const)(
    'goes on with the first row that is not in the log, killed %s the commit',
    async (when) => {
      const path = await csv('x\n1\n')
      let commits = 0
      const die = async (): Promise<void> => {
        if (++commits === 2) throw new Error('killed')
      }
      const hook = when === 'before' ? { beforeDurable: die } : { beforeReply: die }
      const log = new MemoryLog({ timeBase: historic, ...hook })
      await expect(run(log, [path], ordersSql(17_000))).rejects.toThrow('killed')
      const next = log.crash({ beforeDurable: async () => {}, beforeReply: async () => {} })
      const report = await run(next, [path], ordersSql(17_000))
      expect(report.resumedFrom).toBe(when === 'before' ? 5000 : 10_000)
      expect(report).toMatchObject({ rows: 17_000, appended: 17_000, done: true })
      const amounts = (await eventsOf(next)).map(({ amount }) => amount)
      expect(amounts).toEqual(Array.from({ length: 17_000 }, (_, i) => i))
    },
  )

  it('accounts for every row of the whole run, whatever attempt it was in', async () => {
    const sql = `SELECT * REPLACE (CASE WHEN i % 3 = 0 THEN NULL ELSE customer_id END AS customer_id,
        CASE WHEN i % 5 = 1 THEN 'order' ELSE type END AS type,
        CASE WHEN i % 7 = 2 THEN NULL ELSE amount END AS amount)
      FROM (SELECT *, substr(event_id, 2)::INT AS i FROM (${ordersSql(17_000)})) ORDER BY i`
    const path = await csv('x\n1\n')
    const whole = await run(new MemoryLog({ timeBase: historic }), [path], sql)
    let commits = 0
    const log = new MemoryLog({
      timeBase: historic,
      beforeReply: async () => {
        if (++commits === 2) throw new Error('killed')
      },
    })
    await expect(run(log, [path], sql)).rejects.toThrow('killed')
    const next = log.crash({ beforeReply: async () => {} })
    const report = await run(next, [path], sql)
    expect(report.resumedFrom).toBe(10_000)
    expect(report).toMatchObject({ rejects: whole.rejects, older: whole.older, rows: 17_000 })
    const counts = Object.values(report.rejects).map(({ count }) => count)
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(report.rejected)
    expect(report.appended + report.rejected).toBe(17_000)
    expect(await next.endOffset('shop.rejects', 0)).toBe(report.rejected)
    expect(await next.endOffset('shop.events', 0)).toBe(report.appended)
  })

  it('ends behind a transaction when it is told to stop, and says so', async () => {
    const log = new MemoryLog({ timeBase: historic })
    const path = await csv('x\n1\n')
    const stop = new AbortController()
    const onProgress = (): void => stop.abort()
    const options = { signal: stop.signal, onProgress }
    const report = await run(log, [path], ordersSql(30_000), options)
    expect(report.done).toBe(false)
    expect(report.rows).toBeLessThan(30_000)
    expect(await run(log, [path], ordersSql(30_000))).toMatchObject({ rows: 30_000, done: true })
    expect(await log.endOffset('shop.events', 0)).toBe(30_000)
  })

  it('is not resumed with other rows', async () => {
    const log = new MemoryLog({ timeBase: historic })
    const stop = new AbortController()
    const sql = `SELECT * REPLACE (random() AS amount) FROM (${ordersSql(12_000)})`
    const files = [await csv('x\n1\n')]
    await run(log, files, sql, { signal: stop.signal, onProgress: () => stop.abort() })
    expect((await failure(run(log, files, sql))).code).toBe('INGEST_CHANGED')
  })
})

describe('pace', () => {
  it('appends a row when the virtual clock comes to it', async () => {
    let wall = 0
    const timeBase = { kind: 'virtual', origin: Date.UTC(2024, 0, 1), speed: 6000 } as const
    const log = new MemoryLog({ timeBase, clock: () => wall })
    const seen: number[] = []
    const onProgress = ({ rows }: { rows: number }): void => {
      seen.push(rows)
      expect(log.now()! - timeBase.origin).toBeGreaterThanOrEqual((rows - 1) * 60_000)
    }
    const sleep = async (ms: number): Promise<void> => void (wall += ms)
    await run(log, [await csv('x\n1\n')], ordersSql(30), { speed: 6000, onProgress, sleep })
    expect(wall).toBeGreaterThanOrEqual((29 * 60_000) / 6000)
    expect(seen.slice(0, 3)).toEqual([1, 3, 5])
    expect(seen.at(-1)).toBe(30)
  })

  it('keeps to a rate, counted from where it resumed', async () => {
    let wall = 0
    const sleep = async (ms: number): Promise<void> => void (wall += ms)
    const log = new MemoryLog({ timeBase: historic })
    const pace = { rate: 1000, wallMs: () => wall, sleep }
    await run(log, [await csv('x\n1\n')], ordersSql(2000), pace)
    expect(wall).toBeGreaterThanOrEqual(1999)
    expect(wall).toBeLessThan(2100)
  })

  it('knows where a virtual clock begins', async () => {
    const files = [await csv('x\n1\n')]
    const rows = await QueryRows.open({ sql: ordersSql(3), files })
    expect(await rows.firstTimestamp()).toBe(Date.UTC(2024, 0, 1))
    await rows.close()
  })
})

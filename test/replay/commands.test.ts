/** The three commands over one data directory, as a person would use them. */
import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { composeStart } from '../../src/cli/compose-start.js'
import { ingestCommand } from '../../src/cli/ingest.js'
import { runProgram } from '../../src/cli/program.js'
import { replayCommand } from '../../src/cli/replay.js'
import { startCommand } from '../../src/cli/start.js'
import { verifyCommand } from '../../src/cli/verify.js'
import { EmbeddedLog } from '../../src/log/embedded-log.js'
import { readParquet } from '../support/parquet.js'
import { dropRecord, replaceRecord } from '../support/tamper.js'
import { tempFolder } from '../support/temp-folder.js'
import { recordsOf } from '../ingest/support.js'
import { TestIo } from '../cli/io.js'

const commands = [startCommand(composeStart), ingestCommand, replayCommand, verifyCommand]

/** Runs a command line in a folder. */
async function tidemark(folder: string, line: string) {
  const io = new TestIo(false, folder)
  const code = await runProgram(line.split(' '), io, commands)
  return { code, out: io.stdout, err: io.stderr }
}

const sql = `SELECT 'e' || i AS event_id, CASE WHEN i % 50 <> 0 THEN 'c' || i % 13 END AS customer_id,
  'session' AS type, TIMESTAMP '2025-01-01' + INTERVAL (i) HOUR AS occurred_at,
  60.0 AS duration_seconds, 'tv' AS device FROM range(1000) AS r(i), read_csv(\${files})`

async function folderWithFiles(): Promise<string> {
  const folder = await tempFolder()
  await writeFile(join(folder, 'events.csv'), 'x\n1\n')
  await writeFile(join(folder, 'events.sql'), sql)
  return folder
}

const ingest = 'ingest --data data --sql events.sql --from events.csv'

it.each([
  'verify --data data',
  'replay --data data --out train.parquet --cutoffs 2025-01-10..2025-02-01/1d',
])('%s that is told to stop says so, and finds no fault with itself', async (line) => {
  const folder = await folderWithFiles()
  expect((await tidemark(folder, ingest)).code).toBe(0)
  await tidemark(folder, 'start --data data --port 0 --exit-when-done')
  const io = new TestIo(false, folder)
  const code = runProgram(line.split(' '), io, commands)
  await expect.poll(() => io.listeners, { interval: 1 }).toBe(1)
  io.signal('SIGTERM')
  expect(await code).toBe(75)
  expect(io.stderr).toContain('STOPPED: stopped by SIGTERM before the end')
})

describe('ingest and replay', () => {
  it('load once, and write a training set once', async () => {
    const folder = await folderWithFiles()
    const loaded = await tidemark(folder, `${ingest} --partitions 2 --json`)
    expect(loaded.code).toBe(0)
    expect(JSON.parse(loaded.out)).toMatchObject({
      rows: 1000,
      appended: 980,
      rejected: 20,
      done: true,
      rejects: { KEY_MISSING: { count: 20, example: 'customer_id is null' } },
    })
    const again = await tidemark(folder, ingest)
    expect(again.code).toBe(78)
    expect(again.err).toContain('INGEST_DONE: events.csv with this query is already loaded')

    const replay = 'replay --data data --out train.parquet --cutoffs 2025-01-10..2025-02-01/7d'
    const written = await tidemark(folder, `${replay} --json`)
    expect(written.code).toBe(0)
    const report = JSON.parse(written.out) as { rows: number; endOffsets: number[] }
    expect(await readParquet(join(folder, 'train.parquet'))).toHaveLength(report.rows)
    expect(report.endOffsets).toHaveLength(2)
    expect((await tidemark(folder, replay)).code).toBe(74)
    expect((await readdir(folder)).sort()).toEqual([
      'data',
      'events.csv',
      'events.sql',
      'train.parquet',
    ])
  })

  it.each([
    ['ingest --sql events.sql', 2, "required option '--from <file...>' not specified"],
    ['ingest --sql no.sql --from events.csv', 74, 'FILE_MISSING: cannot read the SQL file'],
    ['ingest --sql events.sql --from no.csv', 74, 'FILE_MISSING: cannot read'],
    ['replay --out t.parquet', 2, 'FLAG_MISSING: one of --cutoffs and --rows is due'],
    ['replay --out t.parquet --cutoffs 2025-01-01 --rows r.csv', 2, 'FLAGS_EXCLUSIVE'],
    ['replay --out t.parquet --cutoffs 2025-02-01..2025-01-01/1d', 2, 'FROM is after TO'],
    [
      'replay --out t.parquet --cutoffs 2025-01-01 --until soon',
      2,
      'end offsets are whole numbers',
    ],
    ['replay --out t.parquet --cutoffs 2025-01-01', 78, 'DATA_MISSING'],
    ['verify', 78, 'DATA_MISSING'],
    ['verify --sample 0', 2, 'a percentage is a number above 0'],
  ])('%s ends with %i', async (line, due, text) => {
    const { code, err } = await tidemark(await folderWithFiles(), line)
    expect(err).toContain(text)
    expect(code).toBe(due)
  })
})

describe('verify', () => {
  it('derives a whole directory again, and names what was changed in it', async () => {
    const folder = await folderWithFiles()
    await tidemark(folder, ingest)
    const started = await tidemark(folder, 'start --data data --port 0 --exit-when-done')
    expect(started.code).toBe(0)
    const sound = await tidemark(folder, 'verify --data data --json')
    expect(sound.code).toBe(0)
    const report = JSON.parse(sound.out) as Record<string, unknown>
    expect(report).toMatchObject({ ok: true, records: 980, mismatches: 0, missing: 0 })
    expect(report['scores']).toBeGreaterThanOrEqual(13)
    expect(report['bundlesMissing']).toEqual({})

    const directory = join(folder, 'data', 'log')
    const log = await EmbeddedLog.open(directory)
    const score = (await recordsOf(log, 'churn.scores'))[5]
    const customer = score.key!.toString()
    await log.close()
    const place = { topic: 'churn.scores', partition: 0, offset: 5 }
    await replaceRecord(directory, place, (record) => {
      const value = Buffer.from(record.value!)
      value[value.length - 60] ^= 1
      return { ...record, value }
    })
    const flipped = await tidemark(folder, 'verify --data data')
    expect(flipped.code).toBe(1)
    expect(flipped.err).toContain('VERIFY_FAILED: 1 mismatches and 0 missing rows')
    expect(flipped.out).toContain(`score: customer "${customer}", commit`)
    expect(flipped.out).toContain('churn.scores offset 5: due ')

    await dropRecord(directory, place)
    const dropped = await tidemark(folder, 'verify --data data')
    expect(dropped.code).toBe(1)
    expect(dropped.err).toContain('VERIFY_FAILED: 0 mismatches and 1 missing rows')
    expect(dropped.out).toContain(`missing: customer "${customer}", commit`)
  })
})

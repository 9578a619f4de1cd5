import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { ingestCommand } from '../../src/cli/ingest.js'
import { runProgram } from '../../src/cli/program.js'
import { tempFolder } from '../support/temp-folder.js'
import { TestIo } from './io.js'

const good = `SELECT event_id, customer_id, 'session' AS type, occurred_at::TIMESTAMP AS occurred_at
  FROM read_csv(\${files})`

/** Loads one row by a query into `data`. */
async function ingest(folder: string, sql: string) {
  writeFileSync(join(folder, 'a.csv'), 'event_id,customer_id,occurred_at\ne1,anna,2026-01-01\n')
  writeFileSync(join(folder, 'q.sql'), sql)
  const io = new TestIo(false, folder)
  const args = ['ingest', '--data', 'data', '--from', 'a.csv', '--sql', 'q.sql']
  return { exit: await runProgram(args, io, [ingestCommand]), io }
}

describe('a load that fails', () => {
  it('leaves no data directory behind where it has made it', async () => {
    const folder = await tempFolder()
    const { exit, io } = await ingest(folder, 'SELEKT * FROM read_csv(${files})')
    expect([exit, io.stderr]).toEqual([78, expect.stringContaining('QUERY_FAILED')])
    expect(existsSync(join(folder, 'data'))).toBe(false)
    // The corrected query is a load like any other.
    expect((await ingest(folder, good)).exit).toBe(0)
  })

  it('takes nothing of what was there before', async () => {
    const folder = await tempFolder()
    expect((await ingest(folder, good)).exit).toBe(0)
    const before = readdirSync(join(folder, 'data'))
    expect((await ingest(folder, 'SELECT nobody FROM read_csv(${files})')).exit).toBe(78)
    expect(readdirSync(join(folder, 'data'))).toEqual(before)
  })

  it('leaves alone what lies beside it in a directory of somebody else', async () => {
    const folder = await tempFolder()
    mkdirSync(join(folder, 'data/.keep'), { recursive: true })
    await ingest(folder, 'SELEKT * FROM read_csv(${files})')
    expect(readdirSync(join(folder, 'data'))).toEqual(['.keep'])
  })
})

import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { composeStart } from '../../src/cli/compose-start.js'
import { ingestCommand } from '../../src/cli/ingest.js'
import { runProgram } from '../../src/cli/program.js'
import { scrubCommand } from '../../src/cli/scrub.js'
import { startCommand } from '../../src/cli/start.js'
import { flipInTable } from '../support/rot.js'
import { tempFolder } from '../support/temp-folder.js'
import { TestIo } from './io.js'

const commands = [startCommand(composeStart), ingestCommand, scrubCommand]

async function tidemark(folder: string, line: string) {
  const io = new TestIo(false, folder)
  const code = await runProgram(line.split(' '), io, commands)
  return { code, out: io.stdout, err: io.stderr }
}

const sql = `SELECT 'e' || i AS event_id, 'c' || i % 40 AS customer_id, 'session' AS type,
  TIMESTAMP '2025-01-01' + INTERVAL (i) HOUR AS occurred_at, 60.0 AS duration_seconds,
  'tv' AS device FROM range(400) AS r(i), read_csv(\${files})`

it('scrub reads all state, names what is damaged, and leaves it to the next start to mend', async () => {
  const folder = await tempFolder()
  await writeFile(join(folder, 'events.csv'), 'x\n1\n')
  await writeFile(join(folder, 'events.sql'), sql)
  const ingest = 'ingest --data data --sql events.sql --from events.csv --partitions 2'
  expect((await tidemark(folder, ingest)).code).toBe(0)
  const empty = await tidemark(folder, 'scrub --data data')
  expect([empty.code, empty.out]).toEqual([
    0,
    'partition 0: 0 values of 0 customers are whole, at commit 0\n' +
      'partition 1: 0 values of 0 customers are whole, at commit 0\n',
  ])
  const start = 'start --data data --port 0 --exit-when-done'
  expect((await tidemark(folder, start)).code).toBe(0)

  const whole = await tidemark(folder, 'scrub --data data --json')
  expect([whole.code, whole.err]).toEqual([0, ''])
  const { partitions } = JSON.parse(whole.out) as { partitions: { customers: number }[] }
  expect(partitions[0].customers + partitions[1].customers).toBe(40)
  expect(partitions[0]).toMatchObject({ partition: 0, fault: null })

  await flipInTable(join(folder, 'data/state/1'))
  const damaged = await tidemark(folder, 'scrub --data data')
  expect(damaged.code).toBe(74)
  expect(damaged.out).toMatch(/^partition 0: \d+ values of \d+ customers are whole/)
  expect(damaged.out).toMatch(/\npartition 1: damaged: .* the block at \d+ is damaged\n$/)
  expect(damaged.err).toContain('tidemark: STORE_DAMAGED: 1 of 2 stores; the next start sets them')
  expect(await readdir(join(folder, 'data/state'))).not.toContain('1.damaged-1')

  const mended = await tidemark(folder, start)
  expect([mended.code, mended.err]).toEqual([0, expect.stringContaining('set aside as') as unknown])
  expect((await tidemark(folder, 'scrub --data data')).code).toBe(0)
})

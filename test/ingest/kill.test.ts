import { join } from 'node:path'
import { expect, it } from 'vitest'
import { ingestSql } from '../../src/ingest/ingest.js'
import { EmbeddedLog } from '../../src/log/embedded-log.js'
import { runChild } from '../support/child.js'
import { tempFolder } from '../support/temp-folder.js'
import { app, eventsOf, fileOf, ordersSql } from './support.js'

it.each([
  ['before its first commit', 'ingest.before-commit:kill:1', 0],
  ['before its second commit', 'ingest.before-commit:kill:2', 5000],
  ['behind its second commit', 'ingest.after-commit:kill:2', 10_000],
  ['before it says that it is done', 'ingest.before-commit:kill:4', 12_000],
])('a load killed %s is finished by the next one, each row once', async (_, failpoint, rows) => {
  const folder = await tempFolder()
  const directory = join(folder, 'log')
  const file = await fileOf(folder, 'one.csv', 'x\n1\n')
  const { signal } = await runChild('ingest/ingest-until-killed.ts', [directory, file], {
    failpoint,
  })
  expect(signal).toBe('SIGKILL')
  const log = await EmbeddedLog.open(directory, { timeBase: { kind: 'none' } })
  try {
    const report = await ingestSql({ app, log, files: [file], sql: ordersSql(12_000) })
    expect(report).toMatchObject({ rows: 12_000, resumedFrom: rows, done: true })
    const amounts = (await eventsOf(log)).map(({ amount }) => amount)
    expect(amounts).toEqual(Array.from({ length: 12_000 }, (_, i) => i))
  } finally {
    await log.close()
  }
})

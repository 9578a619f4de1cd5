import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { composeStart } from '../../src/cli/compose-start.js'
import { createLogger } from '../../src/cli/logger.js'
import { Progress } from '../../src/cli/progress.js'
import type { StartOptions } from '../../src/cli/start-options.js'
import { ScoreBoard } from '../../src/monitoring/score-board.js'
import { tempFolder } from '../support/temp-folder.js'
import { TestIo } from './io.js'

const sql = `SELECT 'e' || i AS event_id, 'c' || i % 40 AS customer_id, 'session' AS type,
  TIMESTAMP '2025-01-01' + INTERVAL (i) HOUR AS occurred_at, 60.0 AS duration_seconds,
  'tv' AS device FROM range(400) AS r(i), read_csv(\${files})`

it('the score distribution of the page is there again after a restart, before anybody is scored', async () => {
  const folder = await tempFolder()
  await writeFile(join(folder, 'events.csv'), 'x\n1\n')
  await writeFile(join(folder, 'events.sql'), sql)
  const options: StartOptions = {
    app: 'churn',
    dataDirectory: join(folder, 'data'),
    port: 0,
    source: {
      kind: 'files',
      files: [join(folder, 'events.csv')],
      sql: join(folder, 'events.sql'),
      speed: 'max',
    },
    seed: null,
    modelDirectory: null,
    fallbackDirectory: null,
    exitWhenDone: true,
    json: false,
    logFormat: 'human',
  }
  const io = new TestIo()
  const start = async () => {
    const board = new ScoreBoard()
    const hooks = {
      board,
      onCommit: () => undefined,
      logger: createLogger(io, 'human'),
      progress: (step: string, unit: string) => new Progress(io, step, unit),
    }
    const composed = await composeStart(options, hooks, new AbortController().signal)
    return { board, composed }
  }
  const first = await start()
  expect(first.board.histogram().every((bin) => bin === 0)).toBe(true)
  await first.composed.run(new AbortController().signal)
  await first.composed.close()
  const due = first.board.histogram()
  expect(due.reduce((sum, bin) => sum + bin, 0)).toBe(40)

  const second = await start()
  expect(second.board.histogram()).toEqual(due)
  expect(second.board.sequence).toBe(0)
  await second.composed.close()
})

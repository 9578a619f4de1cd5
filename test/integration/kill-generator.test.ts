/** The made-up business is killed in its past and in its present, and goes on exactly. */
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { generatorRun, preloadDays } from '../../src/ingest/generate.js'
import { Business } from '../../src/ingest/generator/business.js'
import { recordOf } from '../../src/ingest/generator/generated.js'
import { EmbeddedLog } from '../../src/log/embedded-log.js'
import type { LogRecord } from '../../src/log/log.js'
import { type ChildOptions, runNode } from '../support/child.js'
import { app, layout, topics } from '../support/kill/churn-parts.js'
import { commandPath } from '../support/kill/command-path.js'
import { verifyCommand } from '../support/kill/round.js'
import { readOutputs, recordsOf } from '../support/outputs.js'
import { tempFolder } from '../support/temp-folder.js'

const day = 86_400_000

const inPast: readonly ChildOptions[] = [
  { failpoint: 'log.before-batch:kill:3' },
  { killAfterStartMs: 1800 },
  { failpoint: 'log.in-sync:kill:9' },
  { failpoint: 'engine.after-log:kill:6' },
]
const inPresent: readonly ChildOptions[] = [
  { failpoint: 'log.after-batch:kill:2' },
  { failpoint: 'log.in-sync:kill:7' },
  { failpoint: 'engine.before-snapshots:kill:4' },
]

function start(directory: string, options: ChildOptions) {
  const flags = ['--generate', '1', '--seed', '7', '--port', '0', '--json']
  return runNode([commandPath(), 'start', '--data', directory, ...flags], options)
}

async function inLog<T>(directory: string, look: (log: EmbeddedLog) => Promise<T>): Promise<T> {
  const log = await EmbeddedLog.open(join(directory, 'log'), { mustExist: true })
  try {
    return await look(log)
  } finally {
    await log.close()
  }
}

function textOf({ key, value, timestamp }: LogRecord): string {
  const hash = createHash('sha256').update(value ?? '')
  return `${timestamp} ${String(key)} ${hash.digest('hex')}`
}

test('a generator killed again and again makes up each event once, in order', async () => {
  const directory = await tempFolder()
  for (const kill of inPast) expect((await start(directory, kill)).signal).toBe('SIGKILL')
  // Left alone until its present has begun, however slow the machine is.
  let throughMs = 0
  for (let runs = 1; runs <= 10; runs++) {
    expect(await start(directory, { termAfterMs: runs * 9000 })).toMatchObject({ exitCode: 0 })
    const run = await inLog(directory, (log) => generatorRun(log, app.name))
    throughMs = run!.throughMs
    if (throughMs > run!.beginMs + (preloadDays + 0.2) * day) break
  }
  for (const kill of inPresent) expect((await start(directory, kill)).signal).toBe('SIGKILL')
  expect(await start(directory, { termAfterMs: 1500 })).toMatchObject({ exitCode: 0 })

  await inLog(directory, async (log) => {
    const run = (await generatorRun(log, app.name))!
    expect(run.throughMs).toBeGreaterThan(throughMs)
    const { seed, eventsPerDay, beginMs: originMs } = run
    const business = new Business({ seed, eventsPerDay, originMs })
    const due = [...business.between(0, run.throughMs)].flat()
    const came = await recordsOf(log, topics.events, 0)
    expect(came).toHaveLength(due.length)
    const other = came.findIndex(
      (record, i) => textOf(record) !== textOf(recordOf(due[i], app.codec)),
    )
    expect(other).toBe(-1)
    expect((await readOutputs(log, topics, 0, layout)).faults).toEqual([])
  })
  expect(await verifyCommand(directory)).toEqual([])
}, 900_000)

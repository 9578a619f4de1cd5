/** `tidemark history --config`: the steps that Redis keeps. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { historyCommand } from '../../../src/cli/history.js'
import { layoutOf } from '../../../src/cli/layout.js'
import { loadApp } from '../../../src/cli/load-app.js'
import { runProgram } from '../../../src/cli/program.js'
import { OutputChanges } from '../../../src/events/output-changes.js'
import { OutputRows } from '../../../src/events/output-rows.js'
import { OutputTexts } from '../../../src/events/output-texts.js'
import { FeatureRows } from '../../../src/features/rows.js'
import { openRedisSnapshots } from '../../../src/snapshots/redis-open.js'
import { TestIo } from '../../cli/io.js'
import { freePort } from '../../support/free-port.js'
import { RedisServer } from '../../support/redis-server.js'
import { tempFolder } from '../../support/temp-folder.js'

/** Runs the command against a Redis, or without one. */
async function history(customer: string, redis: object | null) {
  const folder = await tempFolder()
  const config = { data: 'd', kafka: { brokers: ['nowhere.invalid:1'] }, redis }
  writeFileSync(join(folder, 'tidemark.yaml'), JSON.stringify(config))
  const io = new TestIo(false, folder)
  const args = ['history', customer, '--config', 'tidemark.yaml', '--json']
  const code = await runProgram(args, io, [historyCommand])
  return { code, out: io.stdout, err: io.stderr }
}

test('the steps come from Redis, without the brokers', async () => {
  const redis = await RedisServer.start()
  const layout = layoutOf((await loadApp('churn', '/')).app)
  const snapshots = await openRedisSnapshots(
    { url: redis.url },
    {
      app: 'churn',
      generation: layout.appHash.slice(0, 12),
      rows: new OutputTexts(layout),
      changes: new OutputChanges(layout),
      refill: async () => undefined,
    },
  )
  onTestFinished(() => snapshots.close())
  const output = new OutputRows(layout)
  await snapshots.cursor(0)
  for (const commit of [1, 2]) {
    const rows = new FeatureRows(layout.columns)
    const row = rows.add('c1', 'event')
    rows.numbers.fill(commit)
    rows.validUntil[row] = Infinity
    rows.retired[row] = false
    rows.eligible[row] = true
    const at = { topic: 'churn.events', partition: 0, endOffset: commit, asOf: commit, commit }
    output.begin(at, null)
    const puts = [{ customer: 'c1', features: output.features(rows, row), score: null }]
    const cursor = { commit, featuresOffset: commit, scoresOffset: commit }
    await snapshots.put(puts, { ...at, caughtUp: true }, cursor)
  }
  await snapshots.flush()
  const { code, out, err } = await history('c1', { url: redis.url })
  expect({ code, err }).toEqual({ code: 0, err: '' })
  const { steps } = JSON.parse(out) as { steps: { coordinates: object; changed: object[] }[] }
  expect(steps).toHaveLength(2)
  expect(steps[0].coordinates).toMatchObject({ topic: 'churn.events', commit: 2 })
  expect(steps[0].changed).toContainEqual({ feature: 'logins_last_7_days', from: 1, to: 2 })
  const nobody = await history('nobody', { url: redis.url })
  expect(nobody.code).toBe(74)
  expect(nobody.err).toContain('CUSTOMER_NOT_FOUND')
})

test('a Redis that is away, or that nobody named, is said so', async () => {
  const away = await history('c1', { url: `redis://127.0.0.1:${await freePort()}` })
  expect(away.code).toBe(69)
  expect(away.err).toContain('REDIS_UNAVAILABLE')
  const none = await history('c1', null)
  expect(none.code).toBe(78)
  expect(none.err).toContain('REDIS_MISSING')
})

/** Offsets without a record, as Kafka leaves behind each transaction, disturb nobody. */
import { beforeAll, expect, test } from 'vitest'
import { MemoryLog } from '../../src/log/memory-log.js'
import { recordsOf } from '../ingest/support.js'
import { appendRecords, randomRecords } from '../replay/support.js'
import { app, partsOf, runToIdle, topics, verifyLog } from '../replay/verify-support.js'
import { startEngine } from '../../src/topology/engine.js'
import { MapHome, MapSnapshots } from '../support/topology.js'

const records = randomRecords({ seed: 8, partitions: 1, events: 500, customers: 30 })
const identity = { app: app.name, synthetic: true }
const log = new MemoryLog({ timeBase: { kind: 'none' }, gaps: true })
const home = new MapHome()

beforeAll(async () => {
  // Many transactions, so that gaps lie in the input too, and at batch and commit borders.
  for (let at = 0; at < records.length; at += 7) {
    await appendRecords(app, log, records.slice(at, at + 7))
    if (at % 70 !== 0) continue
    const engine = startEngine({ ...partsOf(log), home }, identity)
    await engine.idle()
    await engine.stop()
  }
  await runToIdle(log)
})

test('what was emitted is derived again', async () => {
  expect((await recordsOf(log, topics.events)).at(-1)!.offset).toBeGreaterThan(records.length)
  expect(await verifyLog(log)).toMatchObject({ ok: true, records: 500, uncommitted: 0 })
})

test('records that no commit covers are counted, and the gaps between them are not', async () => {
  const longer = log.crash()
  await appendRecords(app, longer, records.slice(0, 3))
  await appendRecords(app, longer, records.slice(3, 5))
  expect(await verifyLog(longer)).toMatchObject({ ok: true, records: 500, uncommitted: 5 })
})

test('a store that lost everything follows the input to where it was', async () => {
  const own = log.crash()
  const anew = new MapHome()
  const engine = startEngine({ ...partsOf(own), home: anew }, identity)
  await engine.idle()
  await engine.stop()
  expect(anew.aside).toEqual([])
  expect(anew.stores.get(0)!.values.size).toBeGreaterThan(20)
})

test('snapshots that lost everything follow the outputs, and go on behind each commit', async () => {
  const own = log.crash()
  const snapshots = new MapSnapshots()
  const run = async () => {
    const engine = startEngine({ ...partsOf(own), snapshots }, identity)
    await engine.idle()
    await engine.stop()
  }
  await run()
  const features = await recordsOf(own, topics.features)
  expect(snapshots.rows.size).toBe(new Set(features.map(({ key }) => String(key))).size)
  expect(await snapshots.cursor(0)).toMatchObject({ featuresOffset: features.at(-1)!.offset + 1 })
  await appendRecords(app, own, records.slice(0, 40))
  await run()
  const cursor = (await snapshots.cursor(0))!
  expect(cursor.featuresOffset).toBe((await recordsOf(own, topics.features)).at(-1)!.offset + 1)
  expect(cursor.scoresOffset).toBe((await recordsOf(own, topics.scores)).at(-1)!.offset + 1)
})

/** A broker of its own, which is killed and comes back while an engine runs. */
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { startEngine } from '../../../src/topology/engine.js'
import { appendRecords, randomRecords } from '../../replay/support.js'
import { app, partsOf, topics, verifyLog } from '../../replay/verify-support.js'
import { KafkaBroker } from '../../support/kafka-broker.js'
import { KafkaPlace, unprefixed } from '../../support/kafka-place.js'

let broker: KafkaBroker

beforeAll(async () => {
  broker = await KafkaBroker.start()
  // This file's process is its own, and so is its environment.
  vi.stubEnv('KAFKA_BROKERS', broker.brokers)
}, 300_000)

afterAll(() => broker.stop(), 60_000)

const records = randomRecords({ seed: 4, partitions: 2, events: 800, customers: 40 })

test('an engine outlives a broker that is killed, twice, and loses and doubles nothing', async () => {
  const place = new KafkaPlace(Object.values(topics))
  const own = await place.open({ partitions: 2, patienceMs: 2_000, answerMs: 2_000 })
  const log = unprefixed(own, place.prefix)
  const notes: string[] = []
  let commits = 0
  const engine = startEngine(
    {
      ...partsOf(log, { idleWaitMs: 100, retryAfterMs: 100, retriesMax: 20 }),
      note: (text) => notes.push(text),
      committed: () => void commits++,
    },
    { app: app.name, synthetic: true },
  )
  for (let at = 0; at < records.length; at += 400) {
    await appendRecords(app, log, records.slice(at, at + 400))
    const before = commits
    await vi.waitFor(() => expect(commits).toBeGreaterThan(before + 1), 60_000)
    broker.kill()
    await sleep(500)
    await broker.restart()
  }
  await engine.idle()
  await vi.waitFor(async () => expect(await verifyLog(log)).toMatchObject({ uncommitted: 0 }), {
    timeout: 30_000,
    interval: 500,
  })
  await engine.stop()
  expect(notes.filter((text) => text.includes('is opened again')).length).toBeGreaterThan(0)
  expect(await verifyLog(log)).toMatchObject({ ok: true, records: 800, uncommitted: 0 })
  await own.close()
}, 300_000)

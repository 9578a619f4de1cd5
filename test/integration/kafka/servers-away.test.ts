/** A worker whose brokers or Redis say nothing any more: what it tells, and that it still stops. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { Binary } from '../../support/binary.js'
import { Installation, visitsOf } from '../../support/installation.js'
import { KafkaBroker } from '../../support/kafka-broker.js'
import { RedisServer } from '../../support/redis-server.js'

/** What an orchestrator gives (`stop_grace_period` in docker-compose.yml). */
const graceMs = 30_000

let broker: KafkaBroker
beforeAll(async () => {
  broker = await KafkaBroker.start()
}, 300_000)
afterAll(async () => {
  broker?.kill('SIGCONT')
  await broker?.stop()
}, 60_000)

async function installation() {
  const redis = await RedisServer.start()
  const place = await Installation.make({ brokers: [broker.brokers], redis, registry: null })
  return { redis, place }
}

/** The brokers accept connections from here on, and answer nothing. */
function freeze(): void {
  broker.kill('SIGSTOP')
  onTestFinished(() => broker.kill('SIGCONT'))
}

test('silent brokers make a worker unready within 10 s, leave it alive, and do not hold up its end', async () => {
  const { place } = await installation()
  // As where a configuration does not say: readiness must not wait for the session.
  const worker = await place.start('worker', 'w', {
    kafka: { sessionMs: 10_000, heartbeatMs: 1_000 },
  })
  await place.produce(visitsOf(100, 1))
  expect(await place.differences()).toEqual([])
  expect((await worker.get('/readyz')).status).toBe(200)
  freeze()
  const frozenMs = Date.now()
  await expect
    .poll(async () => (await worker.get('/readyz')).body['reasons']?.[0]?.['code'], {
      timeout: 15_000,
      interval: 100,
    })
    .toBe('BROKERS_SILENT')
  expect(Date.now() - frozenMs).toBeLessThan(10_000)
  expect((await worker.get('/healthz')).status).toBe(200)
  expect((await worker.customer('c1')).status).toBe(200)
  const { exit, ms } = await worker.stop()
  expect([exit, ms < graceMs]).toEqual([0, true])
}, 120_000)

test('brokers that come back find the worker ready again, without a start', async () => {
  const { place } = await installation()
  const worker = await place.start('worker', 'w')
  await place.produce(visitsOf(100, 1))
  expect(await place.differences()).toEqual([])
  broker.kill('SIGSTOP')
  await expect.poll(async () => (await worker.get('/readyz')).status, { timeout: 15_000 }).toBe(503)
  broker.kill('SIGCONT')
  await expect.poll(async () => (await worker.get('/readyz')).status, { timeout: 60_000 }).toBe(200)
  await place.produce(visitsOf(100, 2))
  expect(await place.differences()).toEqual([])
  expect(await worker.stop()).toMatchObject({ exit: 0 })
}, 180_000)

test('who waits for brokers at its start says so, and ends at once when it is told to', async () => {
  const { place } = await installation()
  const config = await place.config('w')
  freeze()
  const worker = new Binary(['worker', '--config', config, '--json'])
  onTestFinished(() => worker.kill('SIGKILL'))
  // From here on it asks the brokers.
  await expect
    .poll(() => existsSync(join(place.folder, 'w', 'lock')), { timeout: 20_000 })
    .toBe(true)
  await expect
    .poll(() => worker.stderr, { timeout: 20_000 })
    .toContain('waiting for the brokers 127.0.0.1:')
  const fromMs = Date.now()
  worker.kill('SIGTERM')
  expect((await worker.ended).exit).toBe(0)
  expect(Date.now() - fromMs).toBeLessThan(graceMs)
}, 90_000)

test('a second signal ends a worker at once that still waits for brokers', async () => {
  const { place } = await installation()
  const worker = await place.start('worker', 'w')
  await place.produce(visitsOf(50, 1))
  expect(await place.differences()).toEqual([])
  freeze()
  worker.binary.kill('SIGTERM')
  await sleep(1_100)
  const fromMs = Date.now()
  worker.binary.kill('SIGINT')
  expect((await worker.binary.ended).exit).toBe(1)
  expect(Date.now() - fromMs).toBeLessThan(1_000)
}, 90_000)

test('a silent Redis does not hold up the end either, and the next one brings what is missing', async () => {
  const { redis, place } = await installation()
  const worker = await place.start('worker', 'w')
  await place.produce(visitsOf(100, 1))
  expect(await place.differences()).toEqual([])
  redis.pause()
  await place.produce(visitsOf(100, 2))
  await expect
    .poll(() => worker.metrics(), { timeout: 20_000 })
    .toMatch(/snapshots_failing\{code="REDIS_UNAVAILABLE"\}/)
  expect((await worker.get('/readyz')).status).toBe(200)
  const { exit, ms } = await worker.stop()
  expect([exit, ms < graceMs]).toEqual([0, true])
  redis.resume()
  const next = await place.start('worker', 'w')
  expect(await place.differences()).toEqual([])
  expect(await next.stop()).toMatchObject({ exit: 0 })
}, 120_000)

/**
 * Kafka, Redis and a registry together, with the binary as everybody runs it: whatever befalls Redis
 * and the workers, its view is what the output topics say last, and lookups never go back.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { Installation, type Started, visitsOf } from '../../support/installation.js'
import { runBinary } from '../../support/binary.js'
import { RedisServer } from '../../support/redis-server.js'
import { RegistryServer } from '../../support/registry-server.js'
import { kafkaBrokers } from '../../support/shared-broker.js'
import { unsteadyHttp } from '../../support/unsteady-http.js'

let brokers: string[]
let registry: RegistryServer

beforeAll(async () => {
  brokers = await kafkaBrokers()
  registry = await RegistryServer.start()
}, 300_000)
afterAll(() => registry?.stop())

async function installation() {
  const redis = await RedisServer.start()
  return { redis, place: await Installation.make({ brokers, redis, registry: registry.url }) }
}

async function until(what: () => Promise<unknown>, due: unknown, timeout = 60_000): Promise<void> {
  await expect.poll(what, { timeout, interval: 100 }).toEqual(due)
}

const ready = async (process: Started) => (await process.get('/readyz')).status

/** What of an answer does not depend on when it was asked. */
function lasting({ body }: { readonly body: Record<string, unknown> }) {
  const { freshness, now, ...rest } = body
  expect([typeof freshness, typeof now]).toEqual(['object', 'string'])
  return rest
}

describe('an installation', () => {
  test('serves from Redis what a worker has scored, and says exactly when it is fresh', async () => {
    const { redis, place } = await installation()
    const serve = await place.start('serve', 'serve')
    // Nothing was ever scored: nobody is known, and that proves nothing.
    expect(await serve.customer('c1')).toMatchObject({
      status: 404,
      body: { code: 'CUSTOMER_NOT_FOUND', freshness: { status: 'unproven', reason: 'no-proof' } },
    })
    const worker = await place.start('worker', 'worker')
    await place.produce(visitsOf(200, 1))
    await place.erase('c7')
    expect(await place.differences()).toEqual([])
    await until(async () => (await serve.customer('c1')).body['freshness']?.['status'], 'exact')
    const [served, worked] = [await serve.customer('c1'), await worker.customer('c1')]
    expect(served.body).toMatchObject({
      customer: 'c1',
      features: { logins_last_7_days: 1 },
      score: { risk: expect.stringMatching(/high|medium|low/) as string },
      coordinates: { topic: place.topics.events },
    })
    expect(lasting(served)).toEqual(lasting(worked))
    expect(await serve.customer('c7')).toMatchObject({ status: 404 })
    const second = await place.start('serve', 'serve-2')
    expect(lasting(await second.customer('c1'))).toEqual(lasting(served))
    expect([await ready(serve), await ready(second), await ready(worker)]).toEqual([200, 200, 200])
    expect(await serve.metrics()).toMatch(
      /tidemark_lookup_duration_seconds_count\{status="200"\} \d/,
    )
    expect((await serve.get('/v1/status')).status).toBe(404)

    // Without a worker the proof grows old, and a reader is told.
    expect(await worker.stop()).toMatchObject({ exit: 0 })
    await until(async () => (await serve.customer('c1')).body['freshness'], {
      status: 'unproven',
      reason: 'stale',
      ageSeconds: expect.any(Number) as number,
    })
    const verified = await runBinary(['verify', '--config', await place.config('v'), '--json'])
    expect(JSON.parse(verified.stdout)).toMatchObject({ ok: true, records: 201, uncommitted: 0 })
    for (const process of [serve, second]) expect(await process.stop()).toMatchObject({ exit: 0 })
    expect(await redis.admin.ttl(`${place.keys}c7`)).toBeGreaterThan(600_000)
  }, 300_000)

  test('fills a Redis again that was flushed, was killed, was full, or took no writes', async () => {
    const { redis, place } = await installation()
    const [worker, serve] = [await place.start('worker', 'w'), await place.start('serve', 's')]
    await place.produce(visitsOf(200, 1))
    expect(await place.differences()).toEqual([])
    await redis.admin.flushall()
    expect(await place.differences()).toEqual([])

    await redis.kill()
    await place.produce(visitsOf(200, 2))
    await until(() => ready(serve), 503)
    expect(await serve.customer('c1')).toMatchObject({
      status: 503,
      retryAfter: '1',
      body: { code: 'SNAPSHOTS_UNAVAILABLE' },
    })
    expect((await serve.get('/healthz')).status).toBe(200)
    await redis.startAgain()
    expect(await place.differences()).toEqual([])
    await until(() => ready(serve), 200)
    await until(async () => (await serve.customer('c1')).body['freshness']?.['status'], 'exact')

    const failing = async () =>
      /tidemark_snapshots_failing\{code="(\w+)"/.exec(await worker.metrics())?.[1]
    await redis.admin.config('SET', 'maxmemory', '1mb')
    await place.produce(visitsOf(200, 3))
    await until(failing, 'REDIS_FULL')
    await redis.admin.config('SET', 'maxmemory', '0')
    expect(await place.differences()).toEqual([])

    const other = await RedisServer.start()
    await redis.admin.replicaof('127.0.0.1', other.port)
    await place.produce(visitsOf(200, 4))
    await until(failing, 'REDIS_READ_ONLY')
    await redis.admin.replicaof('NO', 'ONE')
    expect(await place.differences()).toEqual([])
    expect(await worker.stop()).toMatchObject({ exit: 0 })
  }, 300_000)

  test('keeps versions and cursors right while partitions go from hand to hand', async () => {
    const { redis, place } = await installation()
    const lowered: string[] = []
    const watch = watchVersions(redis, place.keys, lowered)
    onTestFinished(() => watch.end())
    const first = await place.start('worker', 'first')
    await place.produce(visitsOf(200, 1))
    expect(await place.differences()).toEqual([])
    const second = await place.start('worker', 'second')
    const running = async (worker: Started) =>
      ((await worker.get('/v1/status')).body['partitions'] as unknown[]).length
    await until(() => running(first), 1)
    await until(() => running(second), 1)
    await place.produce(visitsOf(200, 2))
    expect(await place.differences()).toEqual([])
    // Both answer for all customers, whoever runs their partitions.
    for (const worker of [first, second]) {
      for (const customer of ['c1', 'c2', 'c3', 'c4']) {
        expect((await worker.customer(customer)).status).toBe(200)
      }
    }
    expect(await second.stop()).toMatchObject({ exit: 0 })
    await until(() => running(first), 2)
    await place.produce(visitsOf(200, 3))
    expect(await place.differences()).toEqual([])

    // One who is frozen for longer than his session is a zombie when he comes back.
    const third = await place.start('worker', 'third')
    await until(() => running(third), 1)
    await place.produce(visitsOf(200, 4))
    first.binary.kill('SIGSTOP')
    await until(() => running(third), 2, 30_000)
    await place.produce(visitsOf(200, 5))
    await watch.flush()
    expect(await place.differences()).toEqual([])
    first.binary.kill('SIGCONT')
    await place.produce(visitsOf(200, 6))
    await until(() => running(first), 1, 30_000)
    expect(await place.differences()).toEqual([])
    expect([await third.stop(), await first.stop()]).toMatchObject([{ exit: 0 }, { exit: 0 }])
    await watch.end()
    expect(watch.looks).toBeGreaterThan(50)
    expect(lowered).toEqual([])
  }, 300_000)
})

/** Looks at all versions again and again; a customer who is gone for a while begins anew. */
function watchVersions(redis: RedisServer, keys: string, lowered: string[]) {
  const ending = new AbortController()
  const known = new Map<string, number>()
  let flushes = 0
  const watch = {
    looks: 0,
    end: async () => (ending.abort(), looking),
    /** Filled again, rows begin anew: a look that saw some of them before compares with nothing. */
    flush: async () => {
      await redis.admin.flushall()
      flushes++
      known.clear()
    },
  }
  const look = async (): Promise<void> => {
    const before = flushes
    const names = await redis.admin.keys(`${keys}*`)
    for (const name of known.keys()) if (!names.includes(name)) known.delete(name)
    const replies = await Promise.all(names.map((name) => redis.admin.hget(name, 'version')))
    if (flushes !== before) return
    names.forEach((name, index) => {
      const version = Number(replies[index] ?? 0)
      const last = known.get(name) ?? 0
      if (version < last) lowered.push(`${name}: ${last} → ${version}`)
      known.set(name, version)
    })
    watch.looks++
  }
  const looking = (async () => {
    while (!ending.signal.aborted) {
      await look().catch(() => undefined)
      await sleep(50)
    }
  })()
  return watch
}

describe('a registry that is away', () => {
  test('stops the partitions that meet a new schema, and refuses nothing', async () => {
    const { place } = await installation()
    const unsteady = await unsteadyHttp(registry.url)
    const worker = await place.start('worker', 'w', { registry: unsteady.url })
    await place.produce(visitsOf(50, 1))
    expect(await place.differences()).toEqual([])
    // A version that the app was not started with: a field more, which a reader leaves out.
    const id = await newerVersion(registry.url, place)
    for (const mood of ['broken', 'silent', 'rude', { page: 200 }, { page: 404 }] as const) {
      unsteady.mood = mood
      const before = unsteady.requests
      if (mood === 'broken') await place.produce(visitsOf(50, 2), id)
      await until(async () => unsteady.requests > before, true)
      const metrics = await worker.metrics()
      expect(metrics).not.toMatch(/tidemark_rejects_total\{/)
    }
    expect(await worker.metrics()).toContain(
      'tidemark_schema_registry_failing{code="REGISTRY_UNAVAILABLE"} 1',
    )
    expect((await worker.customer('c1')).status).toBe(200)
    unsteady.mood = 'well'
    expect(await place.differences()).toEqual([])

    // Who waits for a schema still stops when he is told to, and the next one goes on there.
    unsteady.mood = 'silent'
    const next = await newerVersion(registry.url, place)
    await place.produce(visitsOf(50, 3), next)
    await until(async () => /registry_failing\{/.test(await worker.metrics()), true)
    const { exit, ms } = await worker.stop()
    expect([exit, ms < 10_000]).toEqual([0, true])
    const again = await place.start('worker', 'w')
    expect(await place.differences()).toEqual([])
    expect(await again.stop()).toMatchObject({ exit: 0 })
  }, 300_000)
})

/** Registers a session with one more field; its records begin like those of before. */
async function newerVersion(url: string, { session }: Installation): Promise<number> {
  const name = `extra_${Date.now()}`
  const extra = { name, type: ['null', 'string'], default: null }
  const { fields, ...rest } = session.schema
  const schema = { ...rest, fields: [...fields, extra] }
  await fetch(`${url}/config/tidemark.churn.session`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: '{"compatibility":"NONE"}',
  })
  const answer = await fetch(`${url}/subjects/tidemark.churn.session/versions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ schemaType: 'AVRO', schema: JSON.stringify(schema) }),
  })
  return ((await answer.json()) as { id: number }).id
}

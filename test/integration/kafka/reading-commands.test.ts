/**
 * Commands that only read, over brokers, Redis and a registry: what they tell beside a worker and
 * without one, and how they end where something is not there.
 */
import { writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { explainCommand } from '../../../src/cli/explain.js'
import { historyCommand } from '../../../src/cli/history.js'
import { modelsCommand } from '../../../src/cli/models.js'
import { runProgram } from '../../../src/cli/program.js'
import { rejectsCommand } from '../../../src/cli/rejects.js'
import { replayCommand } from '../../../src/cli/replay.js'
import { verifyCommand } from '../../../src/cli/verify.js'
import { TestIo } from '../../cli/io.js'
import { Installation, visitsOf } from '../../support/installation.js'
import { readParquet } from '../../support/parquet.js'
import { RedisServer } from '../../support/redis-server.js'
import { RegistryServer } from '../../support/registry-server.js'
import { kafkaBrokers } from '../../support/shared-broker.js'
import { sharedFolder } from '../../support/temp-folder.js'
import { unsteadyHttp } from '../../support/unsteady-http.js'

const commands = [
  explainCommand,
  historyCommand,
  modelsCommand,
  rejectsCommand,
  replayCommand,
  verifyCommand,
]
/** An id that no registry has. */
const nobodysId = 2_000_000_000
const nowhere = '127.0.0.1:9'

const folder = sharedFolder()
let place: Installation
let config: string
let registry: RegistryServer
let redis: RedisServer

beforeAll(async () => {
  const [brokers, ...servers] = await Promise.all([
    kafkaBrokers(),
    RegistryServer.start(),
    RedisServer.start({ isShared: true }),
  ])
  ;[registry, redis] = servers
  place = await Installation.make({ brokers, redis, registry: registry.url }, folder)
  config = await place.config('reads')
}, 300_000)
afterAll(async () => {
  await Promise.all([registry?.stop(), redis?.stop()])
})

function begun(line: string, path = config) {
  const io = new TestIo(false, folder)
  return { io, ended: runProgram([...line.split(' '), '--config', path], io, commands) }
}

async function ran(line: string, path = config) {
  const { io, ended } = begun(line, path)
  const code = await ended
  return { code, out: io.stdout, err: io.stderr }
}

async function told<T>(line: string): Promise<T> {
  const { code, out, err } = await ran(`${line} --json`)
  expect({ line, code, err }).toEqual({ line, code: 0, err: expect.any(String) as string })
  return JSON.parse(out) as T
}

/** The one sentence of a command that fails as it should: coded, and without a stack. */
async function refused(line: string, path = config) {
  const { code, out, err } = await ran(line, path)
  expect({ line, out }).toEqual({ line, out: '' })
  expect(err).not.toMatch(/^ {4}at /m)
  return `${code} ${/tidemark: ([A-Z_]+): [^\n]*\n$/.exec(err)?.[1] ?? err}`
}

interface Explanation {
  features: { name: string; value: number | string | null }[]
  score: { probability: number } | null
  eventsInAll: number
  coordinates: { asOf: string; topic: string; partition: number; commit: number | null }
}

function valuesOf({ features }: Explanation): Record<string, unknown> {
  return Object.fromEntries(features.map(({ name, value }) => [name, value]))
}

interface Rejects {
  rejects: { partition: number; offset: number; code: string }[]
  counts: Record<string, number>
}

describe('commands that read from brokers', () => {
  test('tell beside a worker and without one what it has emitted', async () => {
    const worker = await place.start('worker', 'worker')
    const visits = visitsOf(60, 1)
    await place.produce(visits)
    expect(await place.differences()).toEqual([])
    const unknown = Buffer.alloc(8)
    unknown.writeUInt32BE(nobodysId, 1)
    const timestamp = `${Date.now()}`
    await place.send([
      { key: 'c1', value: Buffer.from('no event'), timestamp },
      { key: 'c2', value: unknown, timestamp },
    ])
    await place.erase('c7')
    await expect
      .poll(async () => (await told<Rejects>('rejects list')).counts, { timeout: 60_000 })
      .toEqual({ DECODE_FAILED: 1, SCHEMA_UNKNOWN: 1 })
    await expect.poll(async () => (await worker.customer('c7')).status).toBe(404)

    const { body } = await worker.customer('c1')
    const explained = await told<Explanation>('explain c1')
    expect(valuesOf(explained)).toEqual(body['features'])
    expect(explained).toMatchObject({
      score: { probability: (body['score'] as { probability: number }).probability },
      eventsInAll: 1,
      coordinates: { topic: place.topics.events, commit: expect.any(Number) as number },
    })
    const asOf = new Date().toISOString()
    const answers = async () => ({
      history: await told('history c1'),
      known: await told<Explanation>(`explain c1 --as-of ${asOf}`),
      rejects: await told<Rejects>('rejects list'),
      models: await told<{ models: { inForce: { partition: number }[] }[] }>('models list'),
    })
    const beside = await answers()
    expect(beside.history).toEqual((await worker.get('/v1/customers/c1/history')).body)
    expect(valuesOf(beside.known)).toEqual(body['features'])
    const inForce = beside.models.models.flatMap((model) => model.inForce)
    expect(inForce.map(({ partition }) => partition)).toEqual([0, 1])
    for (const { partition, offset, code } of beside.rejects.rejects) {
      expect(await told(`rejects show ${partition}:${offset}`)).toMatchObject({ code })
    }
    expect(await told('models show churn-demo/1')).toMatchObject({ models: [{}, {}] })

    const { partition } = explained.coordinates
    expect(await refused('explain c7')).toBe('74 CUSTOMER_NOT_FOUND')
    expect(await refused('explain nobody')).toBe('74 CUSTOMER_NOT_FOUND')
    expect(await refused('explain c1 --as-of 2001-01-01')).toBe('74 CUSTOMER_NOT_FOUND')
    expect(await refused('history nobody')).toBe('74 CUSTOMER_NOT_FOUND')
    expect(await refused(`rejects show ${partition}:99`)).toBe('74 REJECT_NOT_FOUND')
    expect(await refused('rejects show 2:0')).toBe('74 REJECT_NOT_FOUND')
    expect(await refused('models show churn-demo/99')).toBe('78 BUNDLE_MISSING')

    expect(await worker.stop()).toMatchObject({ exit: 0 })
    expect(await answers()).toEqual(beside)
    expect(await told('verify')).toMatchObject({ ok: true, records: 63, uncommitted: 0 })
  }, 200_000)

  test('write training rows that are what explain tells, and only once', async () => {
    const begin = '2001-01-01T00:00:00.000Z'
    const now = new Date().toISOString()
    const asked = [`c1,${now}`, `c1,${begin}`, `c7,${now}`, `nobody,${now}`]
    await writeFile(join(folder, 'rows.csv'), ['customer_id,as_of', ...asked].join('\n'))
    const report = await told('replay --rows rows.csv --out rows.parquet')
    expect(report).toMatchObject({ rows: 4, labelled: 1, records: 63 })
    const rows = await readParquet(join(folder, 'rows.parquet'))
    const explained = valuesOf(await told<Explanation>(`explain c1 --as-of ${now}`))
    expect(rows[0]).toMatchObject({ customer_id: 'c1', ...explained })
    const unseen = Object.fromEntries(Object.keys(explained).map((name) => [name, null]))
    for (const row of rows.slice(1)) expect(row).toMatchObject(unseen)

    const again = 'replay --rows rows.csv --out rows.parquet'
    expect(await refused(again)).toBe('74 OUTPUT_EXISTS')
    expect(await refused('replay --rows rows.csv --until 1,999 --out r')).toBe('78 UNTIL_INVALID')
    expect(await refused('replay --cutoffs 2001-01-01..2001-01-02/1d --out r')).toBe(
      '78 CUTOFFS_RANGE',
    )
  }, 100_000)
})

describe('where something is not there', () => {
  const lines = ['explain c1', 'models list', 'rejects list', 'rejects show 0:0', 'verify']
  let waited: ReturnType<typeof withoutBrokers>
  // Half a minute in which nothing happens: it goes by beside the other tests.
  beforeAll(() => void (waited = withoutBrokers()))

  async function withoutBrokers() {
    const path = await place.config('brokers', { kafka: { brokers: [nowhere] } })
    const beginMs = Date.now()
    const ends = await Promise.all(lines.map((line) => ran(line, path)))
    return { ends, ms: Date.now() - beginMs }
  }

  test('a command names the topic that is missing', async () => {
    const path = await place.config('topics', { kafka: { topicPrefix: 'nobodys-' } })
    for (const line of lines) expect(await refused(line, path)).toBe('78 TOPIC_MISSING')
  }, 60_000)

  test('a command that waits for brokers who say nothing ends when it is told to', async () => {
    const silent = createServer(() => undefined)
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => void silent.close())
    const { port } = silent.address() as { port: number }
    const path = await place.config('silent', { kafka: { brokers: [`127.0.0.1:${port}`] } })
    const runs = lines.map((line) => begun(line, path))
    for (const { io } of runs) await expect.poll(() => io.stderr).toContain('waiting for')
    for (const { io } of runs) io.signal('SIGINT')
    for (const { io, ended } of runs) {
      expect(await ended).toBe(75)
      expect(io.stderr).toMatch(/tidemark: STOPPED: stopped by SIGINT before the end\n$/)
    }
  }, 60_000)

  test('a command gives up a registry after ten seconds, also one that goes away later', async () => {
    const gone = await place.config('gone', { registry: `http://${nowhere}` })
    // All that the app itself needs is there; what a foreign id means is not told.
    const unsteady = await unsteadyHttp(registry.url)
    unsteady.about = /^\/schemas\/ids\//
    unsteady.mood = 'broken'
    const later = await place.config('later', { registry: unsteady.url })
    const replay = 'replay --rows rows.csv --out registry.parquet'
    const beginMs = Date.now()
    const ends = await Promise.all([
      ...['explain c2', 'models list'].map((line) => refused(line, gone)),
      ...['explain c2', 'verify', replay].map((line) => refused(line, later)),
    ])
    expect(ends).toEqual(ends.map(() => '69 REGISTRY_UNAVAILABLE'))
    expect(Date.now() - beginMs).toBeLessThan(25_000)
    // Who asks nothing of it does not miss it.
    expect(await ran('models list', later)).toMatchObject({ code: 0 })
  }, 60_000)

  test('a history that nobody has is told apart from a Redis that does not answer', async () => {
    redis.pause()
    const silent = await refused('history c1').finally(() => redis.resume())
    expect(silent).toBe('69 REDIS_UNAVAILABLE')
    await redis.kill()
    expect(await refused('history c1')).toBe('69 REDIS_UNAVAILABLE')
    await redis.startAgain()
    expect(await refused('history c1')).toBe('74 CUSTOMER_NOT_FOUND')
  }, 60_000)

  test('a command waits half a minute for brokers, and tells for which', async () => {
    const { ends, ms } = await waited
    expect(ms).toBeLessThan(60_000)
    for (const { code, out, err } of ends) {
      expect({ code, out }).toEqual({ code: 69, out: '' })
      const waiting = `tidemark: waiting for the brokers ${nowhere}; tidemark doctor looks closer`
      const said = err.split('\n').filter((line) => line !== waiting)
      expect(said).toEqual([expect.stringMatching(/^tidemark: KAFKA_UNREACHABLE: /), ''])
      expect(err).toContain(waiting)
    }
  }, 90_000)
})

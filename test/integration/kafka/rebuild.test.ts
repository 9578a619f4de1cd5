/**
 * `tidemark rebuild --config`: beside workers on Kafka with snapshots in Redis, under load, killed and
 * undisturbed.
 */
import { existsSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { commitOf } from '../../../src/events/output-head.js'
import { KafkaLog } from '../../../src/log/kafka-log.js'
import type { Position } from '../../../src/operators/position.js'
import { Binary, runBinary } from '../../support/binary.js'
import { rebuildPlace, rowOf, statusOf, until } from '../../support/broker-rebuilds.js'
import { less, writeChangedChurn } from '../../support/changed-churn.js'
import { type Installation, partitions, visitsOf } from '../../support/installation.js'
import { kafkajs } from '../../support/kafka-place.js'
import { recordsOf } from '../../support/outputs.js'
import { RegistryServer } from '../../support/registry-server.js'
import { kafkaBrokers } from '../../support/shared-broker.js'

const patience = { timeout: 300_000 }
let brokers: string[]
let registry: RegistryServer

beforeAll(async () => {
  brokers = await kafkaBrokers()
  registry = await RegistryServer.start()
}, 300_000)
afterAll(() => registry?.stop())

/** Visits come all the time, until the returned function is called. */
function load(installation: Installation, customers = 60): () => Promise<void> {
  const ending = new AbortController()
  const loading = (async () => {
    for (let round = 1; !ending.signal.aborted; round++) {
      await installation.produce(visitsOf(customers, 1_000 + round))
      await sleep(100)
    }
  })()
  const end = async () => {
    ending.abort()
    await loading
  }
  onTestFinished(() => end().catch(() => undefined))
  return end
}

/** No commit is missing, nobody has two rows in one; answers the generations of each partition. */
async function staysOf({ topics }: Installation): Promise<number[][]> {
  const log = await KafkaLog.open({ brokers, topics: Object.values(topics), fetchWaitMs: 100 })
  try {
    const stays: number[][] = []
    for (let partition = 0; partition < partitions; partition++) {
      const changelog = await recordsOf(log, topics.changelog, partition)
      const positions = changelog.map(({ value }) => JSON.parse(String(value)) as Position)
      expect(positions.map(({ commit }) => commit)).toEqual(positions.map((_, i) => i + 1))
      const [features, scores] = await Promise.all(
        [topics.features, topics.scores].map(async (topic) => {
          const rows = await recordsOf(log, topic, partition)
          return rows.map(({ key, value }) => `${String(key)} ${value && commitOf(value)}`)
        }),
      )
      expect(new Set(features).size).toBe(features.length)
      expect(scores).toEqual(features)
      const numbers = positions.map(({ generation }) => generation?.number ?? 1)
      stays.push(numbers.filter((number, i) => number !== numbers[i - 1]))
    }
    return stays
  } finally {
    await log.close()
  }
}

test('the state is rebuilt under load, returns, and returns again', patience, async () => {
  const { installation, changed, rebuild, verified } = await rebuildPlace(brokers, registry.url)
  const deploy = await installation.config('deploy', { app: changed })
  expect(await runBinary(['schemas', 'register', '--config', deploy])).toMatchObject({ exit: 0 })
  const copies = { kafka: { standbyReplicas: 1 } }
  const a = await installation.start('worker', 'a', copies)
  const b = await installation.start('worker', 'b', copies)
  const serve = await installation.start('serve', 'serve')
  const end = load(installation)
  await until(async () => (await rowOf(a, 'c1')).status, 200)
  const first = await statusOf(a)
  await verified()

  const rebuilt = await rebuild(['--app', changed])
  expect(rebuilt).toMatchObject({ exit: 0 })
  expect(rebuilt.stderr).toContain('declared otherwise: logins_last_7_days\n')
  expect(JSON.parse(rebuilt.stdout)).toMatchObject({ generation: 2, inForce: true })
  for (const worker of [a, b]) {
    const { appHash, generation } = await statusOf(worker)
    expect([appHash === first.appHash, first.generation, generation]).toEqual([false, 1, 2])
    expect(await worker.metrics()).toMatch(/^tidemark_generation\{partition="\d"\} 2$/m)
  }
  for (const one of [b, serve]) {
    await until(() => rowOf(one, 'c1'), { status: 200, isChanged: true, freshness: 'exact' })
  }
  await verified()

  for (const number of [1, 2]) {
    const back = await rebuild(['--back'])
    expect(back).toMatchObject({ exit: 0 })
    expect(JSON.parse(back.stdout)).toMatchObject({ generation: number, inForce: true })
    const isChanged = number === 2
    for (const one of [a, serve]) {
      await until(() => rowOf(one, 'c1'), { status: 200, isChanged, freshness: 'exact' })
    }
  }
  await end()
  for (const worker of [a, b]) expect(await worker.stop()).toMatchObject({ exit: 0 })
  await verified()
  expect(await staysOf(installation)).toEqual(
    Array.from({ length: partitions }, () => [1, 2, 1, 2]),
  )
})

test(
  'a rebuild that is killed goes on, and so does a take-over by whoever has the partition next',
  patience,
  async () => {
    const { installation, changed, rebuild, verified } = await rebuildPlace(brokers)
    const env = { FAILPOINT: 'engine.in-take-over:kill:2' }
    const doomed = await installation.start('worker', 'doomed', { env })
    const away = await installation.start('worker', 'away')
    const count = 1_500
    for (let round = 1; round <= 6; round++) await installation.produce(visitsOf(count, round))
    await until(async () => (await rowOf(doomed, 'c1')).status, 200)
    expect(await installation.differences()).toEqual([])
    // Without a word: the other one gets its partitions, and switches without it.
    away.binary.kill('SIGKILL')
    await until(async () => (await statusOf(doomed)).partitions.length, partitions)
    const killed = await rebuild(['--app', changed], { FAILPOINT: 'engine.in-restore:kill:7' })
    expect(killed).toMatchObject({ signal: 'SIGKILL' })
    await verified()

    const config = await installation.config('rebuild')
    const rebuilding = new Binary(['rebuild', '--config', config, '--app', changed, '--json'])
    expect(await doomed.binary.ended).toMatchObject({ signal: 'SIGKILL' })
    const back = await installation.start('worker', 'away')
    const rebuilt = await rebuilding.ended
    expect(rebuilt).toMatchObject({ exit: 0 })
    const report = JSON.parse(rebuilt.stdout) as { records: number }
    expect(report).toMatchObject({ generation: 2, inForce: true })
    // The first partition was whole already.
    expect(report.records).toBeLessThan(6 * count)
    await until(() => rowOf(back, 'c1'), { status: 200, isChanged: true, freshness: 'exact' })
    await verified()

    // One that has nothing but the configuration takes state and model from the topics.
    expect(await back.stop()).toMatchObject({ exit: 0 })
    const fresh = await installation.start('worker', 'fresh')
    await installation.produce(visitsOf(count, 7))
    await until(() => rowOf(fresh, 'c1'), { status: 200, isChanged: true, freshness: 'exact' })
    const { body } = await fresh.customer('c1')
    expect(body['score']?.['risk']).toMatch(/high|medium|low/)
    const [hash] = await readdir(join(installation.folder, 'rebuild/rebuild/models'))
    expect(existsSync(join(installation.folder, 'fresh/models', hash))).toBe(true)
    expect(await fresh.stop()).toMatchObject({ exit: 0 })
    await verified()
    expect(await staysOf(installation)).toEqual(Array.from({ length: partitions }, () => [1, 2]))
  },
)

test(
  'a worker that is frozen over the switch writes nothing more of before',
  patience,
  async () => {
    const { installation, changed, rebuild, verified } = await rebuildPlace(brokers)
    const frozen = await installation.start('worker', 'frozen')
    const other = await installation.start('worker', 'other')
    const end = load(installation)
    await until(async () => (await rowOf(other, 'c1')).status, 200)
    await until(async () => (await statusOf(other)).partitions.length, 1)
    frozen.binary.kill('SIGSTOP')
    const rebuilt = await rebuild(['--app', changed])
    expect(JSON.parse(rebuilt.stdout)).toMatchObject({ generation: 2, inForce: true })
    frozen.binary.kill('SIGCONT')
    await until(async () => (await statusOf(frozen)).generation, 2)
    await until(async () => (await statusOf(frozen)).partitions.length, 1)
    for (const worker of [frozen, other]) {
      await until(() => rowOf(worker, 'c1'), { status: 200, isChanged: true, freshness: 'exact' })
    }
    await end()
    for (const worker of [frozen, other]) expect(await worker.stop()).toMatchObject({ exit: 0 })
    await verified()
    expect(await staysOf(installation)).toEqual(Array.from({ length: partitions }, () => [1, 2]))
  },
)

test('what nobody knows, or what the model cannot read, is refused before anything is made', async () => {
  const { installation, changed, rebuild } = await rebuildPlace(brokers)
  const unlisted = await rebuild(['--app', changed])
  expect(unlisted).toMatchObject({ exit: 78 })
  expect(unlisted.stderr).toContain('GENERATIONS_UNLISTED')
  const worker = await installation.start('worker', 'a')
  await installation.produce(visitsOf(20, 1))
  await until(async () => (await rowOf(worker, 'c1')).status, 200)
  const lacking = writeChangedChurn(join(installation.folder, 'less'), less)
  const refused = await rebuild(['--app', lacking])
  expect(refused).toMatchObject({ exit: 78 })
  expect(refused.stderr).toMatch(/MODEL_MISMATCH: [^]*feature tenure_days +long +absent/)
  expect(await rebuild(['--back'])).toMatchObject({
    exit: 78,
    stderr: expect.stringContaining('GENERATION_NONE') as unknown,
  })
  const admin = kafkajs(brokers).admin()
  await admin.connect()
  expect((await admin.listTopics()).filter((topic) => topic.includes('.g2.'))).toEqual(
    expect.not.arrayContaining([expect.stringContaining(installation.prefix)]),
  )
  await admin.disconnect()
  const config = await installation.config('other', { app: changed })
  const other = await runBinary(['worker', '--config', config])
  expect(other).toMatchObject({ exit: 78 })
  expect(other.stderr).toMatch(/APP_HASH_MISMATCH: .*tidemark rebuild --config/)
}, 120_000)

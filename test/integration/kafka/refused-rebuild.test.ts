/** `tidemark rebuild --config` where a worker cannot, where none runs, and where a topic is missing. */
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { beforeAll, expect, test } from 'vitest'
import { runBinary } from '../../support/binary.js'
import { rebuildPlace, rowOf, statusOf, until } from '../../support/broker-rebuilds.js'
import { visitsOf } from '../../support/installation.js'
import { kafkajs } from '../../support/kafka-place.js'
import { kafkaBrokers } from '../../support/shared-broker.js'

const patience = { timeout: 200_000 }
let brokers: string[]

beforeAll(async () => {
  brokers = await kafkaBrokers()
}, 300_000)

/** Resolves when the brokers have it no longer. */
async function deleteTopic(topic: string): Promise<void> {
  const admin = kafkajs(brokers).admin()
  await admin.connect()
  await admin.deleteTopics({ topics: [topic] })
  while ((await admin.listTopics()).includes(topic)) await sleep(50)
  await admin.disconnect()
}

test('a worker that refuses ends the rebuild, until it is mended', patience, async () => {
  const { installation, changed, rebuild, verified } = await rebuildPlace(brokers)
  const worker = await installation.start('worker', 'a')
  await installation.produce(visitsOf(20, 1))
  await until(async () => (await rowOf(worker, 'c1')).status, 200)
  const models = join(installation.folder, 'a/models')
  const damaged = await Promise.all(
    (await readdir(models)).map(async (hash) => {
      const path = join(models, hash, 'bundle.json')
      return { path, bytes: await readFile(path) }
    }),
  )
  for (const { path } of damaged) await writeFile(path, '{}')

  // The second time nothing is built: it is asked for by then.
  for (const records of [20, 0]) {
    const refused = await rebuild(['--app', changed])
    expect(refused.stderr.includes('rebuild: 20 records')).toBe(records === 20)
    expect(refused).toMatchObject({ exit: 78, stdout: '' })
    expect(refused.stderr).toMatch(
      /MODEL_INVALID: the worker on \S+ does not switch to generation 2: .*tidemark rebuild --back/,
    )
    expect(refused.stderr).not.toContain('did not switch within')
  }
  const { body } = await worker.get('/readyz')
  expect(body).toMatchObject({ reasons: [{ code: 'GENERATION_REFUSED' }] })

  for (const { path, bytes } of damaged) await writeFile(path, bytes)
  await until(async () => (await statusOf(worker)).generation, 2)
  await until(() => rowOf(worker, 'c1'), { status: 200, isChanged: true, freshness: 'exact' })
  const back = await rebuild(['--back'])
  expect(JSON.parse(back.stdout)).toMatchObject({ generation: 1, inForce: true })
  await verified()
})

test('a rebuild says that no worker runs, and what to do without the topic of its state', async () => {
  const { installation, changed, rebuild, verified } = await rebuildPlace(brokers)
  const first = await installation.start('worker', 'a')
  await installation.produce(visitsOf(20, 1))
  await until(async () => (await rowOf(first, 'c1')).status, 200)
  expect(await first.stop()).toMatchObject({ exit: 0 })

  const asked = await rebuild(['--app', changed])
  expect(asked).toMatchObject({ exit: 0 })
  expect(asked.stderr).toContain(
    `no worker runs: group tidemark-${installation.prefix}churn has no member`,
  )
  expect(JSON.parse(asked.stdout)).toMatchObject({ generation: 2, inForce: false })
  expect(asked.stderr).not.toContain('did not switch within')

  const topic = `${installation.prefix}churn.g2.state`
  await deleteTopic(topic)
  const config = await installation.config('a')
  const refused = await runBinary(['worker', '--config', config])
  expect(refused).toMatchObject({ exit: 78 })
  expect(refused.stderr).toMatch(
    new RegExp(`STATE_TOPIC_MISSING: .*${topic}.*tidemark rebuild --back --config ${config}`),
  )
  expect(await rebuild(['--back'])).toMatchObject({ exit: 0 })
  const second = await installation.start('worker', 'a')
  await until(async () => (await rowOf(second, 'c1')).status, 200)
  const rebuilt = await rebuild(['--app', changed])
  expect(JSON.parse(rebuilt.stdout)).toMatchObject({ generation: 2, inForce: true, records: 20 })
  await until(() => rowOf(second, 'c1'), { status: 200, isChanged: true, freshness: 'exact' })
  expect(await second.stop()).toMatchObject({ exit: 0 })
  await verified()
}, 200_000)

test('a deployment from before runs without the list, until it is made', patience, async () => {
  const { installation, changed, rebuild, verified } = await rebuildPlace(brokers)
  const topic = `${installation.prefix}churn.generations`
  await deleteTopic(topic)
  const worker = await installation.start('worker', 'a')
  await installation.produce(visitsOf(20, 1))
  await until(async () => (await rowOf(worker, 'c1')).status, 200)
  await verified()

  const config = await installation.config('rebuild')
  const refused = await rebuild(['--app', changed])
  expect(refused).toMatchObject({ exit: 78 })
  expect(refused.stderr).toMatch(
    new RegExp(`TOPIC_MISSING: .*${topic}.*: tidemark topics create --config ${config} makes it`),
  )
  expect(await runBinary(['topics', 'create', '--config', config])).toMatchObject({ exit: 0 })
  const rebuilt = await rebuild(['--app', changed])
  expect(JSON.parse(rebuilt.stdout)).toMatchObject({ generation: 2, inForce: true })
  await until(() => rowOf(worker, 'c1'), { status: 200, isChanged: true, freshness: 'exact' })
  const { stderr } = await worker.stop()
  expect(stderr).toMatch(new RegExp(`${topic}.*tidemark topics create --config`))
  await verified()
})

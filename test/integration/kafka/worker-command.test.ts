/** `tidemark topics create` and `tidemark worker` as everybody runs them. */
import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { KafkaRound, placedRecords } from '../../support/kafka-round.js'
import { kafkajs } from '../../support/kafka-place.js'
import { runNode } from '../../support/child.js'
import { commandPath } from '../../support/kill/command-path.js'
import { metric } from '../../support/metric.js'
import { kafkaBrokers } from '../../support/shared-broker.js'
import { tempFolder } from '../../support/temp-folder.js'

const records = placedRecords(7, 20, 2)
let brokers: string[]

beforeAll(async () => {
  brokers = await kafkaBrokers()
}, 300_000)

/** A configuration file, and the prefix of its topics. */
async function place() {
  const folder = await tempFolder()
  const prefix = `t${randomUUID().slice(0, 8)}-`
  const path = join(folder, 'tidemark.yaml')
  const kafka = {
    brokers,
    topicPrefix: prefix,
    timeBase: 'none',
    sessionMs: 2000,
    heartbeatMs: 200,
  }
  const data = join(folder, 'data')
  await writeFile(path, JSON.stringify({ data, kafka, http: { port: 0 } }))
  const run = (...args: string[]) => runNode([commandPath(), ...args, '--config', path])
  return { path, prefix, run }
}

async function setting(topic: string, name: string, value: string): Promise<void> {
  const admin = kafkajs(brokers).admin()
  await admin.connect()
  const configEntries = [{ name, value }]
  await admin.alterConfigs({
    validateOnly: false,
    resources: [{ type: 2, name: topic, configEntries }],
  })
  await admin.disconnect()
}

/** Starts the command; answers where it serves, and how it ends. */
async function started(args: readonly string[]) {
  const child = spawn(process.execPath, [commandPath(), ...args, '--json'])
  onTestFinished(() => void child.kill('SIGKILL'))
  let [output, errors] = ['', '']
  child.stdout.on('data', (bytes: Buffer) => (output += bytes.toString()))
  child.stderr.on('data', (bytes: Buffer) => (errors += bytes.toString()))
  const ended = new Promise<number | null>((resolve) => child.on('close', resolve))
  while (!output.includes('\n') && child.exitCode === null) await sleep(50)
  if (child.exitCode !== null) throw new Error(errors)
  const { url } = JSON.parse(output.split('\n')[0]) as { url: string }
  const stop = async () => {
    child.kill('SIGTERM')
    return { exitCode: await ended, errors, stopped: output.trim().split('\n').at(-1)! }
  }
  return { url, stop }
}

describe('topics create', () => {
  test('makes all topics once, and finds them the second time', async () => {
    const { run, prefix } = await place()
    const unsaid = await run('topics', 'create')
    expect(unsaid).toMatchObject({
      exitCode: 78,
      errors: expect.stringContaining('PARTITIONS_MISSING') as string,
    })
    const made = await run('topics', 'create', '--partitions', '2', '--json')
    expect(made).toMatchObject({ exitCode: 0 })
    const first = JSON.parse(made.lines[0]) as { created: string[]; partitions: number }
    expect([first.created.length, first.partitions]).toEqual([9, 2])
    expect(first.created).toContain(`${prefix}churn.state`)
    const again = await run('topics', 'create', '--json')
    const all = first.created
    const due = { created: [], found: all, partitions: 2, single: all }
    expect(JSON.parse(again.lines[0])).toEqual(due)
    expect(again.errors).toContain('9 topics have one copy (replication factor 1)')
  }, 60_000)

  test('refuses what is there and unsuitable, all at once, with the commands that mend it', async () => {
    const { run, prefix } = await place()
    await run('topics', 'create', '--partitions', '1')
    await setting(`${prefix}churn.state`, 'cleanup.policy', 'delete')
    await setting(`${prefix}churn.scores`, 'cleanup.policy', 'compact')
    const refused = await run('topics', 'create', '--partitions', '2')
    expect(refused.exitCode).toBe(78)
    const command = `kafka-configs.sh --bootstrap-server ${brokers.join(',')} --alter`
    for (const text of [
      `--topic ${prefix}churn.features --partitions 2`,
      `${command} --entity-type topics --entity-name ${prefix}churn.state --add-config cleanup.policy=compact`,
      `${command} --entity-type topics --entity-name ${prefix}churn.scores --add-config cleanup.policy=delete`,
    ]) {
      expect(refused.errors).toContain(text)
    }
  }, 60_000)
})

describe('worker', () => {
  test('computes what is in its partitions, and leaves when it is told to', async () => {
    const { path, prefix, run } = await place()
    const made = await run('topics', 'create', '--partitions', '2')
    expect(made).toMatchObject({ exitCode: 0 })
    const round = new KafkaRound(prefix, brokers, 2)
    await round.produce(records)
    const worker = await started(['worker', '--config', path])
    while ((await metric(worker.url, 'tidemark_events_total')) < records.length) await sleep(200)
    expect((await fetch(`${worker.url}/readyz`)).status).toBe(200)
    const end = await worker.stop()
    expect([end.exitCode, end.errors, JSON.parse(end.stopped)]).toEqual([
      0,
      end.errors,
      { event: 'stopped', records: records.length, scores: expect.any(Number) as number },
    ])
    const log = await round.open()
    onTestFinished(() => log.close())
    expect((await round.facts(log)).faults).toEqual([])
    const verified = await run('verify', '--json')
    expect(verified).toMatchObject({ exitCode: 0 })
    expect(JSON.parse(verified.lines[0])).toMatchObject({
      ok: true,
      records: records.length,
      uncommitted: 0,
      bundlesMissing: {},
    })
  }, 90_000)

  test('runs over an input that forgets only where it is told to', async () => {
    const { path, prefix, run } = await place()
    await run('topics', 'create', '--partitions', '1')
    await setting(`${prefix}churn.events`, 'retention.ms', '600000')
    const refused = await run('worker')
    expect(refused).toMatchObject({
      exitCode: 78,
      errors: expect.stringContaining('retention.ms=600000 and not -1') as string,
    })
    const worker = await started(['worker', '--no-history', '--config', path])
    const { exitCode, errors } = await worker.stop()
    expect([exitCode, errors]).toEqual([0, errors])
  }, 60_000)

  test('says what to do where there is no topic', async () => {
    const { run } = await place()
    const refused = await run('worker')
    expect(refused.exitCode).toBe(78)
    expect(refused.errors).toContain('tidemark topics create makes it')
  }, 60_000)
})

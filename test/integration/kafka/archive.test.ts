/** The archive beside real brokers: killed anywhere, and read where they have deleted. */
import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { Archive } from '../../../src/log/archive.js'
import type { EventLog, StoredRecord } from '../../../src/log/log.js'
import { recordsOf } from '../../ingest/support.js'
import { archiveKills } from '../../support/kill/kills.js'
import { runChild, runNode } from '../../support/child.js'
import { commandPath } from '../../support/kill/command-path.js'
import { KafkaPlace, kafkajs } from '../../support/kafka-place.js'
import { KafkaRound, placedRecords } from '../../support/kafka-round.js'
import { metric } from '../../support/metric.js'
import { kafkaBrokers } from '../../support/shared-broker.js'
import { sharedFolder, tempFolder } from '../../support/temp-folder.js'

let brokers: string[]

beforeAll(async () => {
  brokers = await kafkaBrokers()
}, 300_000)

/** Deletes what lies before these offsets, one a partition. */
async function deleteBefore(topic: string, offsets: readonly number[]): Promise<void> {
  const admin = kafkajs(brokers).admin()
  await admin.connect()
  const partitions = offsets.map((offset, partition) => ({ partition, offset: String(offset) }))
  // The client knows the leaders of topics that it was asked for before.
  await admin.fetchTopicOffsets(topic)
  await admin.deleteTopicRecords({ topic, partitions })
  await admin.disconnect()
}

const plain = (records: readonly StoredRecord[]) =>
  records.map(({ offset, timestamp, key, value, headers }) => ({
    offset,
    timestamp,
    key: key?.toString('hex') ?? null,
    value: value?.toString('hex') ?? null,
    headers: headers?.map(([name, bytes]) => `${name}=${bytes.toString('hex')}`) ?? null,
  }))

/** A topic with transactions of several sizes, aborted ones between them. */
async function transactions() {
  const place = new KafkaPlace(['events'])
  const log = await place.open()
  const [topic] = place.topics
  const client = kafkajs(brokers)
  const producer = client.producer({ transactionalId: topic, idempotent: true })
  await producer.connect()
  for (let round = 0; round < 40; round++) {
    const transaction = await producer.transaction()
    const messages = Array.from({ length: 1 + (round % 7) * 3 }, (_, i) => ({
      key: `k${i % 5}`,
      value: i % 6 === 5 ? null : `${round}/${i} ${randomUUID().repeat(round % 4)}`,
      headers: i % 4 === 0 ? { h: Buffer.from([round, i]) } : {},
      timestamp: String(1_600_000_000_000 + round),
      partition: 0,
    }))
    await transaction.send({ topic, messages })
    await (round % 5 === 4 ? transaction.abort() : transaction.commit())
  }
  await producer.disconnect()
  const records = await recordsOf(log, topic, 0)
  const reader = log.reader(topic, 0, 0)
  for (let atEnd = false; !atEnd;) atEnd = (await reader.poll(1000, 0)).atEnd
  const end = reader.nextOffset
  await log.close()
  return { topic, records, end }
}

describe('an archive that is killed', () => {
  const folder = sharedFolder()
  let source: Awaited<ReturnType<typeof transactions>>

  beforeAll(async () => {
    source = await transactions()
  }, 60_000)

  test.each(archiveKills)(
    'at %s loses nothing and doubles nothing',
    async (failpoint) => {
      const { topic, records, end } = source
      expect(end).toBeGreaterThan(records.at(-1)!.offset + 1)
      const directory = join(folder, randomUUID())
      const script = 'integration/kafka/archive-until-killed.ts'
      const args = [brokers.join(','), topic, directory, String(end)]
      const at = failpoint.replace(/:(\d+)$/, ':kill:$1')
      const killed = await runChild(script, args, { failpoint: at })
      expect(killed.signal).toBe('SIGKILL')
      const archive = (await Archive.find(directory))!
      const before = await archive.check(0)
      const kept = before === null ? 0 : before.records
      expect(kept).toBe(records.filter(({ offset }) => offset < (before?.to ?? 0)).length)
      const { signal } = await runChild(script, args)
      expect(signal).toBeNull()
      const found: StoredRecord[] = []
      const cursor = archive.cursor(0, 0)
      for (let block = await cursor.next(); block !== null; block = await cursor.next()) {
        found.push(...block.records)
      }
      await cursor.close()
      expect(plain(found)).toEqual(plain(records))
      expect(await archive.check(0)).toMatchObject({ from: 0, to: end, records: records.length })
    },
    60_000,
  )
})

/** An app's topics on the brokers, its configurations, and the commands. */
async function place(partitions: number) {
  const folder = await tempFolder()
  const prefix = `t${randomUUID().slice(0, 8)}-`
  const configure = async (name: string, more: Record<string, unknown>, lostRange = 'fail') => {
    const path = join(folder, `${name}.yaml`)
    const pace = { timeBase: 'none', sessionMs: 2000, heartbeatMs: 200 }
    const kafka = { brokers, topicPrefix: prefix, lostRange, ...pace }
    const data = join(folder, 'data')
    await writeFile(path, JSON.stringify({ data, kafka, http: { port: 0 }, ...more }))
    return path
  }
  const directory = join(folder, 'archive')
  const without = await configure('without', {})
  const archive = { directory, segmentBytes: 65_536 }
  const withArchive = await configure('with', { archive })
  const run = (config: string, ...args: string[]) =>
    runNode([commandPath(), ...args, '--config', config])
  await run(without, 'topics', 'create', '--partitions', String(partitions))
  const round = new KafkaRound(prefix, brokers, partitions)
  return { folder, round, without, withArchive, configure, run }
}

/** Starts a command that serves; answers where, and how it ends. */
async function started(...args: string[]) {
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
    const exitCode = await ended
    expect([exitCode, errors]).toEqual([0, errors])
    return errors
  }
  return { url, stop }
}

async function until(what: () => Promise<boolean>): Promise<void> {
  while (!(await what())) await sleep(100)
}

async function ends({ events }: KafkaRound['topics'], log: EventLog): Promise<number[]> {
  const count = log.partitions(events)
  return Promise.all(Array.from({ length: count }, (_, p) => log.endOffset(events, p)))
}

async function worked(config: string, records: number): Promise<void> {
  const worker = await started('worker', '--config', config)
  await until(async () => (await metric(worker.url, 'tidemark_events_total')) >= records)
  await worker.stop()
}

async function archived(config: string, records: number): Promise<void> {
  const archiver = await started('archive', '--config', config)
  await until(async () => (await metric(archiver.url, 'tidemark_archive_end_offset')) >= records)
  await until(async () => (await metric(archiver.url, 'tidemark_archive_bytes')) > 0)
  await archiver.stop()
}

describe('an input of which the brokers have deleted the beginning', () => {
  test('verifies and replays with the archive as it did before, and not without', async () => {
    const { folder, round, without, withArchive, run } = await place(2)
    const records = placedRecords(11, 24, 2)
    const first = records.slice(0, 250)
    await round.produce(first)
    await worked(without, first.length)
    await archived(withArchive, first.length)
    const replay = ['replay', '--cutoffs', '2025-01-01..2025-06-01/14d', '--json', '--out']
    const cutoffs = await replayRange(run, without, folder)
    replay[2] = cutoffs
    const before = await run(without, ...replay, join(folder, 'before.parquet'))
    expect(before).toMatchObject({ exitCode: 0 })
    const verified = await run(without, 'verify', '--json')
    expect(verified).toMatchObject({ exitCode: 0 })
    const log = await round.open()
    onTestFinished(() => log.close())
    const [end, other] = await ends(round.topics, log)
    await deleteBefore(round.topics.events, [Math.floor(end / 2), other])

    for (const command of [['verify'], [...replay, join(folder, 'refused.parquet')]]) {
      const refused = await run(without, ...command)
      expect(refused.exitCode).toBe(78)
      expect(refused.errors).toContain('HISTORY_LOST')
      expect(refused.errors).toContain(`offsets 0 to ${Math.floor(end / 2) - 1}`)
    }
    const again = await run(withArchive, 'verify', '--json')
    expect(again.lines).toEqual(verified.lines)
    const after = await run(withArchive, ...replay, join(folder, 'after.parquet'))
    expect(after).toMatchObject({ exitCode: 0, lines: before.lines })
    const [bytes, due] = await Promise.all(
      ['after', 'before'].map((name) => readFile(join(folder, `${name}.parquet`))),
    )
    expect(bytes.equals(due)).toBe(true)
    const checked = await run(withArchive, 'archive', '--check', '--json')
    expect(JSON.parse(checked.lines[0])).toMatchObject({
      ok: true,
      partitions: [
        { partition: 0, from: 0, to: end },
        { partition: 1, from: 0, to: other },
      ],
    })

    // The worker reads in the archive what it had not read when it was deleted.
    await round.produce(records.slice(250, 400))
    await archived(withArchive, 400)
    await deleteBefore(round.topics.events, await ends(round.topics, log))
    const lost = await run(without, 'worker')
    expect(lost.exitCode).toBe(78)
    expect(lost.errors).toContain('LOG_RANGE_LOST')
    // Whichever partition is opened first.
    expect(lost.errors).toMatch(new RegExp(`partition (0: offsets ${end}|1: offsets ${other}) to `))
    await worked(withArchive, 400)
    const whole = await run(withArchive, 'verify', '--json')
    expect(JSON.parse(whole.lines[0])).toMatchObject({ ok: true, records: 400, uncommitted: 0 })

    // What was deleted before it was archived is in neither.
    await round.produce(records.slice(400, 500))
    const now = await ends(round.topics, log)
    await deleteBefore(round.topics.events, [now[0], now[1] - 1])
    for (const command of ['worker', 'archive', 'verify']) {
      const refused = await run(withArchive, command)
      expect([command, refused.exitCode]).toEqual([command, 78])
      expect(refused.errors).toContain('ARCHIVE_BEHIND')
      expect(refused.errors).toMatch(/partition [01]: offsets \d+ to \d+ are deleted/)
    }
  }, 400_000)

  test('is passed where the configuration says so, and what was lost is counted', async () => {
    const { round, without, configure, run } = await place(1)
    const records = placedRecords(5, 12, 1)
    await round.produce(records.slice(0, 100))
    await worked(without, 100)
    await round.produce(records.slice(100, 160))
    await deleteBefore(round.topics.events, [140])
    const refused = await run(without, 'worker')
    expect(refused).toMatchObject({
      exitCode: 78,
      errors: expect.stringContaining('offsets 100 to 139 were deleted') as string,
    })
    const earliest = await configure('earliest', {}, 'earliest')
    const worker = await started('worker', '--config', earliest)
    await until(async () => (await metric(worker.url, 'tidemark_events_total')) >= 120)
    expect(await metric(worker.url, 'tidemark_lost_offsets_total')).toBe(40)
    expect(await worker.stop()).toContain('going on at offset 140')
    const verified = await run(without, 'verify')
    expect(verified.errors).toContain('HISTORY_LOST')
  }, 120_000)
})

test('an input may forget what is archived, and a worker tells what soon will not be', async () => {
  const { round, withArchive, run } = await place(1)
  const { events } = round.topics
  const admin = kafkajs(brokers).admin()
  await admin.connect()
  const configEntries = [{ name: 'retention.ms', value: '600000' }]
  const resources = [{ type: 2, name: events, configEntries }]
  await admin.alterConfigs({ validateOnly: false, resources })
  await admin.disconnect()
  const refused = await run(withArchive, 'worker')
  expect(refused).toMatchObject({
    exitCode: 78,
    errors: expect.stringContaining('ARCHIVE_MISSING') as string,
  })
  await archived(withArchive, 0)
  const [{ record, partition }] = placedRecords(3, 1, 1)
  await round.produce([{ record: { ...record, timestamp: Date.now() - 540_000 }, partition }])
  const worker = await started('worker', '--config', withArchive)
  expect(await worker.stop()).toContain('not archived yet: does tidemark archive run?')
}, 120_000)

/** Cut-offs within the log: the text of a refusal has its range. */
async function replayRange(
  run: Awaited<ReturnType<typeof place>>['run'],
  config: string,
  folder: string,
): Promise<string> {
  const out = join(folder, 'none.parquet')
  const refused = await run(config, 'replay', '--cutoffs', '1999-01-01', '--out', out)
  const days = [...refused.errors.matchAll(/\d{4}-\d\d-\d\d/g)].map(([day]) => day)
  const [from, to] = [days.at(-2)!, days.at(-1)!]
  return `${new Date(Date.parse(from) + 86_400_000).toISOString().slice(0, 10)}..${to}/7d`
}

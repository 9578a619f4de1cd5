/** Rows that are readable before their commit: what who waits for commits sees, and who does not. */
import { setTimeout as sleep } from 'node:timers/promises'
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { OutputRows } from '../../../src/events/output-rows.js'
import type { Position } from '../../../src/operators/position.js'
import { startEngine } from '../../../src/topology/engine.js'
import { recordsOf } from '../../ingest/support.js'
import { appendRecords, randomRecords } from '../../replay/support.js'
import {
  app,
  layout,
  partsOf,
  type RunOptions,
  runToIdle,
  topics,
  verifyLog,
} from '../../replay/verify-support.js'
import { earlyKills } from '../../support/kill/kills.js'
import { runChild } from '../../support/child.js'
import { KafkaPlace, kafkajs, unprefixed } from '../../support/kafka-place.js'
import { endTxnKey, LossySockets } from '../../support/lossy-sockets.js'
import { kafkaBrokers } from '../../support/shared-broker.js'
import { MapSnapshots } from '../../support/topology.js'

beforeAll(() => kafkaBrokers(), 300_000)

const partitions = 2
const records = randomRecords({ seed: 8, partitions, events: 600, customers: 40 })
const names = Object.values(topics)
const none = { kind: 'none' } as const
const early: RunOptions = { idleWaitMs: 100, delivery: 'atLeastOnce' }
const clean = { mismatches: 0, missing: 0, ok: true, findings: [], bundlesMissing: {} }
const rows = new OutputRows(layout)

async function filledPlace() {
  const place = new KafkaPlace(names)
  const sockets = new LossySockets()
  const opened = await place.open({ partitions, timeBase: none, socketFactory: sockets.factory })
  onTestFinished(() => opened.close())
  const log = unprefixed(opened, place.prefix)
  await appendRecords(app, log, records)
  for (let p = 0; p < partitions; p += 1) await log.endOffset(topics.events, p)
  return { log, sockets, place }
}

/** The scores that somebody sees who does not wait for commits: customer, commit and bytes. */
async function uncommitted(place: KafkaPlace): Promise<string[]> {
  const seen: string[] = []
  const groupId = `${place.prefix}eager`
  const options = { groupId, readUncommitted: true, maxWaitTimeInMs: 100 }
  const consumer = kafkajs(await kafkaBrokers()).consumer(options)
  await consumer.connect()
  onTestFinished(() => consumer.disconnect())
  await consumer.subscribe({ topic: place.prefix + topics.scores, fromBeginning: true })
  await consumer.run({
    eachMessage: async ({ message: { value } }) => {
      seen.push(nameOf(value!))
    },
  })
  return seen
}

function nameOf(value: Buffer): string {
  const { customer, commit } = rows.decodeScore(value)
  return `${customer} ${commit} ${value.toString('hex')}`
}

describe('an engine that delivers at least once', () => {
  test('commits what verifies, several commits at a time', async () => {
    const { log } = await filledPlace()
    const snapshots = new MapSnapshots()
    const settings = { ...early, commitRecordsMax: 100, commitAgeMsMax: 2_000 }
    const parts = { ...partsOf(log, settings), snapshots }
    const engine = startEngine(parts, { app: app.name, synthetic: true })
    await engine.idle()
    await engine.stop()
    const report = await verifyLog(log)
    expect(report).toMatchObject({ ...clean, records: records.length, uncommitted: 0 })
    const held = new Map([...snapshots.rows].map(([id, { put }]) => [id, put.score]))
    for (let partition = 0; partition < partitions; partition += 1) {
      const changelog = await recordsOf(log, topics.changelog, partition)
      const commits = changelog.map(({ value }) => JSON.parse(value!.toString()) as Position)
      expect(commits.map(({ commit }) => commit)).toEqual(commits.map((_, index) => index + 1))
      // Offsets have no gap within a transaction: a mark ends each.
      const marks = changelog.filter(
        ({ offset }, i) => i > 0 && offset > changelog[i - 1].offset + 1,
      )
      expect(marks.length).toBeLessThan(commits.length - 1)
      const last = new Map<string, Buffer>()
      for (const { key, value } of await recordsOf(log, topics.scores, partition)) {
        last.set(key!.toString(), value!)
      }
      for (const [customer, score] of last) expect(held.get(customer)).toEqual(score)
    }
  }, 60_000)

  test('shows a row before its transaction has ended', async () => {
    const { log, place } = await filledPlace()
    const eager = await uncommitted(place)
    const settings = { ...early, commitRecordsMax: 1_000, commitAgeMsMax: 8_000 }
    const engine = startEngine(partsOf(log, settings), { app: app.name, synthetic: true })
    while (eager.length < 20) await sleep(20)
    for (let p = 0; p < partitions; p += 1) expect(await log.endOffset(topics.scores, p)).toBe(0)
    await engine.stop()
    const committed = await Promise.all([0, 1].map((p) => recordsOf(log, topics.scores, p)))
    const due = committed.flat().map(({ value }) => nameOf(value!))
    while (eager.length < due.length) await sleep(20)
    expect(eager.toSorted()).toEqual(due.toSorted())
  }, 60_000)

  test.each(['answer', 'request'] as const)(
    'resolves commits by the last one when the %s to end their transaction got lost',
    async (what) => {
      const { log, sockets } = await filledPlace()
      const notes: string[] = []
      let commits = 0
      const engine = startEngine(
        {
          ...partsOf(log, { ...early, retryAfterMs: 1 }),
          note: (text) => notes.push(text),
          committed: () => {
            if ((commits += 1) % 9 === 4) sockets.loseNext(endTxnKey, what)
          },
        },
        { app: app.name, synthetic: true },
      )
      await engine.idle()
      await engine.stop()
      expect(notes.some((text) => text.includes('COMMIT_UNKNOWN'))).toBe(true)
      const report = await verifyLog(log)
      expect(report).toMatchObject({ ...clean, records: records.length, uncommitted: 0 })
    },
    60_000,
  )

  test.each(earlyKills)(
    'that is killed at %s repeats rows to who is eager, and nothing to who waits',
    async (failpoint) => {
      const { log, place } = await filledPlace()
      const args = [(await kafkaBrokers()).join(','), place.prefix, ...names]
      const env = { failpoint: failpoint.replace(/:(\d+)$/, ':kill:$1') }
      const script = 'integration/kafka/engine-until-killed.ts'
      const end = await runChild(script, ['atLeastOnce', ...args], env)
      expect(end.signal).toBe('SIGKILL')
      await runToIdle(log, early)
      const report = await verifyLog(log)
      expect(report).toMatchObject({ ...clean, records: records.length, uncommitted: 0 })
      const committed = await Promise.all([0, 1].map((p) => recordsOf(log, topics.scores, p)))
      const due = committed.flat().map(({ value }) => nameOf(value!))
      expect(new Set(due.map((name) => name.split(' ', 2).join(' '))).size).toBe(due.length)
      const eager = await uncommitted(place)
      while (!due.every((name) => eager.includes(name))) await sleep(50)
      const more = failpoint.startsWith('engine.after-log') ? 0 : 1
      expect(eager.length).toBeGreaterThanOrEqual(due.length + more)
    },
    60_000,
  )
})

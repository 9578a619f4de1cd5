/** The engine over Kafka: the same topology, and what it emits is verified as everywhere. */
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { OutputRows } from '../../../src/events/output-rows.js'
import type { EventLog } from '../../../src/log/log.js'
import { MemoryLog } from '../../../src/log/memory-log.js'
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
import { runChild } from '../../support/child.js'
import { KafkaPlace, unprefixed } from '../../support/kafka-place.js'
import { endTxnKey, LossySockets } from '../../support/lossy-sockets.js'
import { kafkaBrokers } from '../../support/shared-broker.js'
import { MapHome, MapSnapshots } from '../../support/topology.js'

beforeAll(() => kafkaBrokers(), 300_000)

const partitions = 2
const records = randomRecords({ seed: 3, partitions, events: 600, customers: 40 })
const names = Object.values(topics)
const none = { kind: 'none' } as const
const clean = { mismatches: 0, missing: 0, ok: true, findings: [], bundlesMissing: {} }
/** Long enough for an answer of the brokers, so that an idle engine has looked. */
const quick: RunOptions = { idleWaitMs: 100 }

/** A log with the input, and how to open it again. */
async function filledPlace(input = records) {
  const place = new KafkaPlace(names)
  const sockets = new LossySockets()
  const open = async () => {
    const log = await place.open({ partitions, timeBase: none, socketFactory: sockets.factory })
    onTestFinished(() => log.close())
    return unprefixed(log, place.prefix)
  }
  const log = await open()
  await appendRecords(app, log, input)
  // Other processes see it a moment later: when the brokers have written the marks.
  for (let p = 0; p < partitions; p += 1) await log.endOffset(topics.events, p)
  return { log, open, sockets, place }
}

/** Where each partition's store stands: what it holds by its digest, and the position. */
function stateOf(home: MapHome) {
  const stores = [...home.stores].sort(([a], [b]) => a - b)
  return stores.map(([partition, store]) => {
    const held = JSON.parse(Buffer.from(store.held!).toString()) as { digest: string } & Position
    return { partition, digest: held.digest }
  })
}

async function positions(log: EventLog, partition: number): Promise<Position[]> {
  const all = await recordsOf(log, topics.changelog, partition)
  return all.map(({ value }) => JSON.parse(value!.toString()) as Position)
}

/** The state that the same input leads to in memory, never disturbed. */
async function undisturbed(input = records) {
  const log = new MemoryLog({ partitions, timeBase: none })
  await appendRecords(app, log, input)
  const home = new MapHome()
  const parts = { ...partsOf(log), home }
  const engine = startEngine(parts, { app: app.name, synthetic: true })
  await engine.idle()
  await engine.stop()
  const last = await Promise.all([0, 1].map(async (p) => (await positions(log, p)).at(-1)!))
  return { state: stateOf(home), last }
}

/** Everything that must hold once the input is through, however the engine got there. */
async function expectWhole(log: EventLog, input = records): Promise<void> {
  expect(await verifyLog(log)).toMatchObject({ ...clean, records: input.length, uncommitted: 0 })
  const { state, last } = await undisturbed(input)
  const home = new MapHome()
  const snapshots = new MapSnapshots()
  const engine = startEngine(
    { ...partsOf(log, quick), home, snapshots },
    { app: app.name, synthetic: true },
  )
  await engine.idle()
  await engine.stop()
  expect(stateOf(home)).toEqual(state)
  const rows = new OutputRows(layout)
  const emitted = new Map<string, string>()
  for (let partition = 0; partition < partitions; partition += 1) {
    const all = await positions(log, partition)
    expect(all.map(({ commit }) => commit)).toEqual(all.map((_, index) => index + 1))
    const { endOffset, logClock, logTime, asOf, counts } = last[partition]
    expect(all.at(-1)).toMatchObject({ endOffset, logClock, logTime, asOf, counts })
    const seen = new Set<string>()
    for (const { key, value } of await recordsOf(log, topics.features, partition)) {
      const { commit } = rows.decodeFeatures(value!)
      const name = `${key!.toString()} ${commit}`
      expect(seen).not.toContain(name)
      seen.add(name)
      emitted.set(key!.toString(), value!.toString('hex'))
    }
  }
  // Snapshots that had nothing have followed the outputs, over the marks between the commits.
  const held = [...snapshots.rows].map(
    ([customer, { put }]) => [customer, Buffer.from(put.features!).toString('hex')] as const,
  )
  expect(new Map(held)).toEqual(emitted)
}

describe('an engine over Kafka', () => {
  test('emits what verifies, and ends in the state of one in memory', async () => {
    expect.hasAssertions()
    const { log } = await filledPlace()
    await runToIdle(log, quick)
    await expectWhole(log)
  })

  test('goes on at its last commit in another process', async () => {
    const { log, open } = await filledPlace(records.slice(0, 300))
    await runToIdle(log, quick)
    await log.close()
    const again = await open()
    await appendRecords(app, again, records.slice(300))
    await runToIdle(again, quick)
    expect(await verifyLog(again)).toMatchObject({ ...clean, records: 600, uncommitted: 0 })
    for (let partition = 0; partition < partitions; partition += 1) {
      const all = await positions(again, partition)
      expect(all.map(({ commit }) => commit)).toEqual(all.map((_, index) => index + 1))
    }
  })

  test.each([
    'kafka.begun:kill:3',
    'kafka.produced:kill:4',
    'kafka.committed:kill:4',
    'engine.after-log:kill:2',
    'engine.before-snapshots:kill:3',
  ])('that is killed at %s leaves nothing lost and nothing doubled', async (failpoint) => {
    const { log, place } = await filledPlace()
    const brokers = (await kafkaBrokers()).join(',')
    const args = ['exactlyOnce', brokers, place.prefix, ...names]
    const script = 'integration/kafka/engine-until-killed.ts'
    const end = await runChild(script, args, { failpoint })
    expect(end.signal).toBe('SIGKILL')
    const committed = await Promise.all([0, 1].map((p) => positions(log, p)))
    expect(committed.flat().length).toBeLessThan(30)
    await runToIdle(log, quick)
    await expectWhole(log)
  })

  test.each(['answer', 'request'] as const)(
    'resolves a commit by its id when the %s to end it got lost',
    async (what) => {
      const { log, sockets } = await filledPlace()
      const notes: string[] = []
      const home = new MapHome()
      const parts = { ...partsOf(log, { ...quick, retryAfterMs: 1 }), home }
      let commits = 0
      const engine = startEngine(
        {
          ...parts,
          note: (text) => notes.push(text),
          committed: () => {
            if ((commits += 1) % 9 === 4) sockets.loseNext(endTxnKey, what)
          },
        },
        { app: app.name, synthetic: true },
      )
      await engine.idle()
      await engine.stop()
      expect(sockets.lost).toBeGreaterThan(1)
      const said = what === 'answer' ? 'is in the log' : 'is not in the log'
      expect(notes.filter((text) => text.endsWith(`unknown, ${said}`))).toHaveLength(sockets.lost)
      await expectWhole(log)
    },
  )
})

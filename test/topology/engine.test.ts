import { expect, test } from 'vitest'
import { OutputRows } from '../../src/events/output-rows.js'
import type { EventLog, StoredRecord } from '../../src/log/log.js'
import { MemoryLog } from '../../src/log/memory-log.js'
import type { Position } from '../../src/operators/position.js'
import { countedRecords } from '../../src/operators/position.js'
import { startEngine } from '../../src/topology/engine.js'
import { testTopology, type TestTopology } from '../support/topology.js'

const start = Date.UTC(2024, 0, 1)
const hour = 3_600_000
const day = 24 * hour
const identity = { app: 'test', synthetic: true }

function hit(customer: string, id: number, at: number) {
  const body = { event_id: `e${id}`, customer_id: customer, occurred_at: at }
  const value = Buffer.from(JSON.stringify(body))
  return { key: Buffer.from(customer), value, timestamp: at, headers: null }
}

async function append(log: EventLog, records: readonly ReturnType<typeof hit>[]): Promise<void> {
  const transaction = log.begin('producer')
  for (const record of records) transaction.append('test.events', 0, record)
  await transaction.commit()
}

async function all(log: EventLog, topic: string): Promise<StoredRecord[]> {
  const reader = log.reader(topic, 0, 0)
  const records: StoredRecord[] = []
  for (;;) {
    const poll = await reader.poll(1000, 0)
    records.push(...poll.records)
    if (poll.atEnd) break
  }
  await reader.close()
  return records
}

async function runToIdle(topology: TestTopology): Promise<void> {
  const engine = startEngine(topology.parts, identity)
  await engine.idle()
  await engine.stop()
}

const positions = async (log: EventLog): Promise<Position[]> =>
  (await all(log, 'test.changelog')).map((r) => JSON.parse(r.value!.toString()) as Position)

async function featureRows(log: EventLog, topology: TestTopology) {
  const rows = new OutputRows(topology.parts.layout)
  return (await all(log, 'test.features')).map((r) => rows.decodeFeatures(r.value!))
}

const history = (n: number, customers: number) =>
  Array.from({ length: n }, (_, i) => hit(`c${i % customers}`, i, start + i * hour))

test('every record is accounted for, and every touched customer has a row and a score', async () => {
  const log = new MemoryLog({ timeBase: { kind: 'none' } })
  const bad = { ...hit('c1', 0, start + 5000), value: Buffer.from('no') }
  await append(log, [...history(100, 7), bad, hit('c3', 3, start + 3 * hour)])
  const topology = testTopology(log)
  await runToIdle(topology)
  const last = (await positions(log)).at(-1)!
  expect(last.endOffset).toBe(102)
  expect(last.counts).toMatchObject({ accepted: 100, duplicates: 1 })
  expect(countedRecords(last.counts)).toBe(102)
  const rows = await featureRows(log, topology)
  expect(new Set(rows.map((row) => row.customer)).size).toBe(7)
  expect((await all(log, 'test.scores')).length).toBe(rows.length)
  expect((await all(log, 'test.rejects')).length).toBe(1)
})

test('commit numbers have no gap, and no customer has two rows in one commit', async () => {
  const log = new MemoryLog({ timeBase: { kind: 'none' } })
  await append(log, history(500, 20))
  const topology = testTopology(log, { commitRecordsMax: 50, batchRecordsMax: 16 })
  await runToIdle(topology)
  const numbers = (await positions(log)).map((position) => position.commit)
  expect(numbers).toEqual(numbers.map((_, i) => i + 1))
  expect(numbers.length).toBeGreaterThan(3)
  const rows = await featureRows(log, topology)
  expect(new Set(rows.map((row) => `${row.customer} ${row.commit}`)).size).toBe(rows.length)
})

test('on a historic log the log clock serves the timers, and the end of input drains them', async () => {
  const log = new MemoryLog({ timeBase: { kind: 'none' } })
  await append(log, [hit('quiet', 1, start), ...history(200, 3)])
  const topology = testTopology(log, { batchRecordsMax: 8, commitRecordsMax: 8 })
  await runToIdle(topology)
  const quiet = (await featureRows(log, topology)).filter((row) => row.customer === 'quiet')
  expect(quiet.slice(1).every((row) => row.cause === 'time')).toBe(true)
  expect(quiet.at(-1)!.values['days']).toBe(8)
  expect((await positions(log)).at(-1)!.timers.customer).toBe(null)
})

test('a score changes with no event anywhere when the time base moves', async () => {
  let wall = 1_000_000
  const timeBase = { kind: 'virtual', origin: start, speed: 3600 } as const
  const log = new MemoryLog({ timeBase, clock: () => wall })
  await append(log, [hit('quiet', 1, start)])
  const topology = testTopology(log, { wallClock: () => wall, lagAllowanceMs: 0, idleWaitMs: 2 })
  const engine = startEngine(topology.parts, identity)
  await engine.idle()
  for (let seconds = 0; seconds < 50; seconds++) {
    wall += 1000
    await engine.idle()
  }
  await engine.stop()
  const rows = await featureRows(log, topology)
  expect(rows.map((row) => [row.cause, row.values['days']])).toEqual([
    ['event', 0],
    ['time', 1],
    ['time', 2],
  ])
  for (const row of rows.slice(1)) expect(row.asOf).toBeGreaterThanOrEqual(start + day)
})

test('an event as far ahead as the log and the rules take leaves rows that the log takes', async () => {
  const log = new MemoryLog({ timeBase: { kind: 'wall' }, clock: () => start })
  const record = hit('ahead', 1, start + 3_599_000 + 299_000)
  await append(log, [{ ...record, timestamp: start + 3_599_000 }])
  const topology = testTopology(log, { wallClock: () => start })
  await runToIdle(topology)
  const [row] = await featureRows(log, topology)
  expect([row.customer, row.asOf]).toEqual(['ahead', start + 3_599_000 + 299_001])
  const emitted = [...(await all(log, 'test.features')), ...(await all(log, 'test.changelog'))]
  expect(new Set(emitted.map(({ timestamp }) => timestamp))).toEqual(new Set([start + 3_599_000]))
})

test('a restart goes on at the last commit, whether the store kept up or not', async () => {
  let log = new MemoryLog({ timeBase: { kind: 'none' } })
  await append(log, history(300, 10))
  const first = testTopology(log)
  await runToIdle(first)
  const digest = JSON.parse(Buffer.from(first.home.stores.get(0)!.held!).toString()).digest
  log = log.crash()
  const empty = testTopology(log)
  await runToIdle(empty)
  expect(JSON.parse(Buffer.from(empty.home.stores.get(0)!.held!).toString()).digest).toBe(digest)
  expect([...empty.snapshots.rows.keys()].sort()).toEqual([...first.snapshots.rows.keys()].sort())
  await append(log, [hit('c1', 9999, start + 400 * hour)])
  const again = testTopology(log, {}, first)
  await runToIdle(again)
  const numbers = (await positions(log)).map((position) => position.commit)
  expect(numbers).toEqual(numbers.map((_, i) => i + 1))
  expect(again.home.aside).toEqual([])
})

test('a store with a flipped bit is set aside and made again from the log', async () => {
  const log = new MemoryLog({ timeBase: { kind: 'none' } })
  await append(log, history(100, 5))
  const topology = testTopology(log)
  await runToIdle(topology)
  const store = topology.home.stores.get(0)!
  const before = JSON.parse(Buffer.from(store.held!).toString()).digest
  const [key, value] = [...store.values][2]
  const flipped = Buffer.from(value)
  flipped[flipped.length - 3] ^= 1
  store.values.set(key, flipped)
  const again = testTopology(log, {}, topology)
  await runToIdle(again)
  expect(again.home.aside).toHaveLength(1)
  const held = again.home.stores.get(0)!.held!
  expect(JSON.parse(Buffer.from(held).toString()).digest).toBe(before)
})

test('a null value erases its customer, and what follows starts anew', async () => {
  const log = new MemoryLog({ timeBase: { kind: 'none' } })
  const erase = { key: Buffer.from('c1'), value: null, timestamp: start + 30 * hour, headers: null }
  await append(log, [...history(20, 2), erase as never, hit('c0', 50, start + 31 * hour)])
  const topology = testTopology(log)
  await runToIdle(topology)
  expect(topology.snapshots.rows.get('c1')!.put.features).toBe(null)
  expect((await all(log, 'test.features')).filter((r) => r.value === null).length).toBe(1)
  await append(log, [hit('c1', 60, start + 32 * hour)])
  await runToIdle(testTopology(log, {}, topology))
  const rows = new OutputRows(topology.parts.layout)
  const last = (await all(log, 'test.features')).findLast((r) => String(r.key) === 'c1')!
  expect(rows.decodeFeatures(last.value!).values['count']).toBe(1)
})

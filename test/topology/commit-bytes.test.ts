/** A commit is bounded in bytes: of the records that it closes over, and of the rows they touch. */
import { expect, test, vi } from 'vitest'
import { OutputRows } from '../../src/events/output-rows.js'
import type { EventLog, StoredRecord } from '../../src/log/log.js'
import { MemoryLog } from '../../src/log/memory-log.js'
import type { Position } from '../../src/operators/position.js'
import { Credits } from '../../src/topology/credits.js'
import { startEngine } from '../../src/topology/engine.js'
import { testTopology, type TestTopology } from '../support/topology.js'

const start = Date.UTC(2024, 0, 1)
const hour = 3_600_000

function hit(customer: string, id: number, at: number, pad = 0) {
  const body = { event_id: `e${id}`, customer_id: customer, occurred_at: at, pad: 'x'.repeat(pad) }
  const value = Buffer.from(JSON.stringify(body))
  return { key: Buffer.from(customer), value, timestamp: at, headers: null }
}

async function logOf(records: readonly ReturnType<typeof hit>[]): Promise<MemoryLog> {
  const log = new MemoryLog({ timeBase: { kind: 'none' } })
  const transaction = log.begin('producer')
  for (const record of records) transaction.append('test.events', 0, record)
  await transaction.commit()
  return log
}

async function all(log: EventLog, topic: string): Promise<readonly StoredRecord[]> {
  const reader = log.reader(topic, 0, 0)
  const { records } = await reader.poll(1e6, 0)
  await reader.close()
  return records
}

async function runToIdle({ parts }: TestTopology): Promise<void> {
  const engine = startEngine(parts, { app: 'test', synthetic: true })
  await engine.idle()
  await engine.stop()
}

/** Commits close by bytes alone here: no other bound is ever reached. */
const byBytes = { commitRecordsMax: 1e6, commitAgeMsMax: 1e9 }

async function commitsOf(log: EventLog): Promise<Position[]> {
  const records = await all(log, 'test.changelog')
  return records.map(({ value }) => JSON.parse(value!.toString()) as Position)
}

test.each([
  ['accepted', (i: number) => hit(`c${i % 3}`, i, start + i * hour, 100_000)],
  ['rejected', (i: number) => ({ ...hit('c1', i, start), value: Buffer.alloc(100_000, 'no') })],
])('large records that are %s close a commit before there are many', async (_, recordOf) => {
  const log = await logOf(Array.from({ length: 60 }, (_none, i) => recordOf(i)))
  await runToIdle(testTopology(log, { ...byBytes, batchRecordsMax: 2, commitBytesMax: 1_000_000 }))
  let before = 0
  const sizes = (await commitsOf(log)).map(({ endOffset }) => {
    const size = endOffset - before
    before = endOffset
    return size
  })
  expect(before).toBe(60)
  // Ten records of 100 kB reach the bound, and the last batch may pass it.
  expect(Math.max(...sizes)).toBeLessThanOrEqual(12)
  expect(sizes.filter((size) => size >= 10).length).toBeGreaterThan(1)
})

test('small records that touch many customers close a commit by the bytes of their rows', async () => {
  const log = await logOf(Array.from({ length: 3000 }, (_, i) => hit(`c${i}`, i, start + i)))
  const settings = { ...byBytes, batchRecordsMax: 10, commitBytesMax: 40_000 }
  await runToIdle(testTopology(log, settings))
  const rows = await all(log, 'test.features')
  const scores = await all(log, 'test.scores')
  const bytes = rows.reduce((sum, row, i) => sum + row.value!.length + scores[i].value!.length, 0)
  const rowBytes = bytes / rows.length
  const commits = await commitsOf(log)
  // The last batch may pass the bound.
  const most = commits.slice(2).map(({ endOffset }, i) => endOffset - commits[i + 1].endOffset - 10)
  expect(Math.max(...most) * rowBytes).toBeLessThan(40_000 * 1.2)
  expect(commits.length).toBeGreaterThan(5)
})

test('timers that are due together are served in several commits', async () => {
  const count = 400
  const log = await logOf(Array.from({ length: count }, (_, i) => hit(`q${i}`, i, start)))
  const { parts } = testTopology(log, { ...byBytes, commitBytesMax: 20_000 })
  const engine = startEngine(parts, { app: 'test', synthetic: true })
  await engine.idle()
  const stirring = log.begin('producer')
  stirring.append('test.events', 0, hit('last', 9999, start + 26 * hour))
  await stirring.commit()
  await vi.waitFor(async () => expect((await commitsOf(log)).at(-1)!.endOffset).toBe(count + 1))
  await engine.idle()
  await engine.stop()
  const rows = await all(log, 'test.features')
  const served = new Map<number, number>()
  const outputs = new OutputRows(parts.layout)
  for (const row of rows) {
    const { cause, commit } = outputs.decodeFeatures(row.value!)
    if (cause !== 'time') continue
    served.set(commit, (served.get(commit) ?? 0) + 1)
  }
  expect([...served.values()].reduce((sum, n) => sum + n, 0)).toBe(count)
  expect(served.size).toBeGreaterThan(3)
})

test('credit runs out by bytes as it does by records, and comes back with them', async () => {
  const credits = new Credits(100, 1000)
  credits.take(1, 1500)
  expect(credits.isSpent).toBe(true)
  let granted = false
  const waiting = credits.granted().then(() => (granted = true))
  await Promise.resolve()
  expect(granted).toBe(false)
  credits.give(1, 1500)
  await waiting
  expect([credits.isSpent, credits.available]).toEqual([false, 100])
})

/** Top lists of several workers, as another process reads them. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { RedisLookups } from '../../../src/snapshots/redis-lookups.js'
import { openRedisSnapshots } from '../../../src/snapshots/redis-open.js'
import type { RedisSnapshots } from '../../../src/snapshots/redis-snapshots.js'
import { madeUpChanges, madeUpTexts, scoredRow } from '../../conformance/snapshots.js'
import { RedisServer } from '../../support/redis-server.js'

const DAY_MS = 86_400_000
let server: RedisServer

beforeAll(async () => void (server = await RedisServer.start({ isShared: true })))
afterAll(async () => server.stop())

const names = { app: 'test', generation: 'top' }
const log = { id: 'log', partitions: 2, committed: async () => 1_000 }

const worker = (): Promise<RedisSnapshots> =>
  openRedisSnapshots(
    { url: server.url },
    {
      ...names,
      log,
      rows: madeUpTexts,
      changes: madeUpChanges,
      refill: async () => undefined,
      topEveryMs: 0,
      topPublishMs: 0,
      checkEveryMs: 50,
    },
  )

async function put(
  snapshots: RedisSnapshots,
  partition: number,
  commit: number,
  rows: ReturnType<typeof scoredRow>[],
): Promise<void> {
  const asOf = 11 * DAY_MS
  const proof = { partition, asOf, endOffset: commit, commit, caughtUp: true }
  await snapshots.put(rows, proof, { commit, featuresOffset: commit, scoresOffset: commit })
  await snapshots.flush()
}

test('each worker publishes its partitions, also behind a takeover, and readers have them all', async () => {
  const [one, other] = [await worker(), await worker()]
  const lookups = await RedisLookups.open({ url: server.url }, names)
  await one.cursor(0)
  await other.cursor(1)
  await put(one, 0, 1, [scoredRow('a', 1, 8 * DAY_MS, 0.2)])
  await put(one, 0, 2, [scoredRow('a', 2, 11 * DAY_MS, 0.9)])
  await put(other, 1, 1, [scoredRow('b', 1, 11 * DAY_MS, 0.8), scoredRow('c', 1, DAY_MS, 0.75)])
  const told = async () =>
    (await lookups.top()).map(({ partition, complete, risk, change }) => ({
      partition,
      complete,
      risk: risk.high.map(({ customer }) => customer),
      change: change.high.map(({ customer, movedBy }) => `${customer} ${movedBy?.toFixed(2)}`),
    }))
  const both = [
    { partition: 0, complete: true, risk: ['a'], change: ['a 0.70'] },
    { partition: 1, complete: true, risk: ['b', 'c'], change: [] },
  ]
  await expect.poll(told, { timeout: 10_000 }).toEqual(both)
  expect(await server.admin.hget('test:top:customer:a', 'scoreDays')).toMatch(
    /^8:0\.2\d* 11:0\.\d+$/,
  )

  // The other one takes partition 0 over, and finds there what it did not put.
  one.release(0)
  expect(one.top(0)).toBeNull()
  await other.cursor(0)
  await put(other, 0, 3, [scoredRow('d', 3, 11 * DAY_MS, 0.95)])
  const due = [{ ...both[0], risk: ['d', 'a'] }, both[1]]
  await expect.poll(told, { timeout: 10_000 }).toEqual(due)
  lookups.close()
  await one.close()
  await other.close()
})

test('a partition of which nobody has published anything is not complete', async () => {
  await server.admin.hset('test:none:partition:0', 'partitions', '2')
  const lookups = await RedisLookups.open({ url: server.url }, { ...names, generation: 'none' })
  const tops = await lookups.top()
  expect(tops.map(({ complete, since }) => [complete, since])).toEqual([
    [false, null],
    [false, null],
  ])
  lookups.close()
})

/** What a Redis has to be before snapshots go there. */
import { expect, onTestFinished, test } from 'vitest'
import type { RedisAddress } from '../../../src/snapshots/redis-address.js'
import { openRedisSnapshots } from '../../../src/snapshots/redis-open.js'
import type { RedisRowTexts } from '../../../src/snapshots/redis-row.js'
import type { RedisStoreOptions } from '../../../src/snapshots/redis-options.js'
import { textRows } from '../../support/redis-rows.js'
import { freePort } from '../../support/free-port.js'
import { RedisServer, startSentinel } from '../../support/redis-server.js'
import { RedisEngine } from '../../support/redis-engine.js'

const names = { app: 'test', generation: '1' }

async function open(address: RedisAddress, options: Partial<RedisStoreOptions> = {}) {
  const refill = async () => undefined
  const own = { ...names, rows: textRows, refill, awayMsMax: 300, ...options }
  const snapshots = await openRedisSnapshots(address, own)
  onTestFinished(() => snapshots.close())
  return snapshots
}

async function put(snapshots: Awaited<ReturnType<typeof open>>, commit: number): Promise<void> {
  const cursor = { commit, featuresOffset: commit, scoresOffset: commit }
  const proof = { partition: 0, asOf: 0, endOffset: 0, commit, caughtUp: true }
  await snapshots.put([{ customer: 'a', features: Buffer.from('x'), score: null }], proof, cursor)
}

test('a wrong password is refused at once', async () => {
  const server = await RedisServer.start()
  await server.admin.config('SET', 'requirepass', 'right')
  const refused = { code: 'REDIS_REFUSED', exit: 78 }
  await expect(open({ url: server.url, password: 'wrong' })).rejects.toMatchObject(refused)
  await expect(open({ url: server.url })).rejects.toMatchObject(refused)
  const snapshots = await open({ url: server.url, password: 'right' })
  await put(snapshots, 1)
  await snapshots.flush()
  expect(await snapshots.cursor(0)).toMatchObject({ commit: 1 })
})

test('a database that the server does not have is refused, and nothing goes to another', async () => {
  const server = await RedisServer.start()
  await expect(open({ url: `${server.url}/77` })).rejects.toMatchObject({
    code: 'REDIS_ADDRESS',
    exit: 78,
    message: expect.stringContaining('database 77') as unknown,
  })
  const snapshots = await open({ url: `${server.url}/3` })
  await put(snapshots, 1)
  await snapshots.flush()
  expect(await server.admin.dbsize()).toBe(0)
})

test('a server that would drop keys is refused', async () => {
  const server = await RedisServer.start()
  await server.admin.config('SET', 'maxmemory', '100mb', 'maxmemory-policy', 'allkeys-lru')
  await expect(open({ url: server.url })).rejects.toMatchObject({ code: 'REDIS_EVICTS' })
})

test('a server that is not there is waited for, and said so', async () => {
  const notes: string[] = []
  const url = `redis://127.0.0.1:${await freePort()}`
  const snapshots = await open({ url }, { note: (text) => notes.push(text) })
  expect(notes[0]).toMatch(/REDIS_UNAVAILABLE: .*ECONNREFUSED/)
  await put(snapshots, 1)
  expect(await snapshots.get('a').catch((error: unknown) => error)).toMatchObject({
    code: 'REDIS_UNAVAILABLE',
    exit: 69,
  })
})

test('a key of somebody else behind the prefix is not overwritten', async () => {
  const server = await RedisServer.start()
  await server.admin.set('test:1:customer:a', 'mine')
  const snapshots = await open({ url: server.url })
  await put(snapshots, 1)
  await snapshots.flush()
  expect(snapshots.status().failure).toBe('REDIS_PREFIX_TAKEN')
  expect(await server.admin.get('test:1:customer:a')).toBe('mine')
  await server.admin.del('test:1:customer:a')
  await snapshots.flush()
  expect((await snapshots.get('a'))?.version).toBe(1)
})

test('scripts that the server forgets are given to it again', async () => {
  const server = await RedisServer.start()
  const snapshots = await open({ url: server.url })
  await put(snapshots, 1)
  await snapshots.flush()
  await server.admin.script('FLUSH')
  await put(snapshots, 2)
  await snapshots.flush()
  expect(await snapshots.cursor(0)).toMatchObject({ commit: 2 })
})

test('who gets a partition back begins behind what others have put meanwhile', async () => {
  const server = await RedisServer.start()
  const [one, two] = [await open({ url: server.url }), await open({ url: server.url })]
  await put(one, 1)
  await one.flush()
  one.release(0)
  expect(one.proof(0)).toBeNull()
  expect(await two.cursor(0)).toMatchObject({ commit: 1 })
  await put(two, 2)
  await two.flush()
  two.release(0)
  expect(await one.cursor(0)).toMatchObject({ commit: 2 })
  // An older row that comes late is not taken for the newest one, not even before it is stored.
  await put(one, 1)
  expect((await one.get('a'))?.version).toBe(2)
  expect([one.status().behind, two.status().behind]).toEqual([[], []])
})

test('who was retired long ago leaves, and is not taken for lost; all others stay', async () => {
  const server = await RedisServer.start()
  const rows: RedisRowTexts = {
    ...textRows,
    features: (bytes) => {
      const [asOf, retired] = Buffer.from(bytes).toString().split(' ')
      return { ...textRows.features(bytes), asOf: Number(asOf), retired: retired === 'retired' }
    },
  }
  const refill = () => expect.unreachable('nothing was lost')
  const times = { checkEveryMs: 20, sweepEveryMs: 50, retiredMsMax: 1_000 }
  const snapshots = await open({ url: server.url }, { rows, refill, ...times })
  const proof = { partition: 0, asOf: 10_000, endOffset: 0, commit: 1, caughtUp: true }
  const texts = { active: '1 ', retired: '1 retired', lately: '9500 retired', revived: '1 retired' }
  const puts = Object.entries(texts).map(([customer, text]) => {
    return { customer, features: Buffer.from(text), score: null }
  })
  await snapshots.put(puts, proof, { commit: 1, featuresOffset: 4, scoresOffset: 4 })
  const [last] = puts.splice(3)
  const news = { ...last, features: Buffer.from('9999 ') }
  const cursor = { commit: 2, featuresOffset: 5, scoresOffset: 5 }
  await snapshots.put([news], { ...proof, commit: 2 }, cursor)
  await snapshots.flush()
  await expect.poll(() => snapshots.get('retired')).toBeNull()
  // Looks at the sample have come since: nobody is missed.
  const looks = async () => {
    const [, calls] = /cmdstat_hget:calls=(\d+)/.exec(await server.admin.info('commandstats'))!
    return Number(calls)
  }
  const before = await looks()
  await expect.poll(looks, { timeout: 10_000 }).toBeGreaterThan(before + 10)
  const left = await snapshots.getMany(['active', 'lately', 'revived'])
  expect(left.map((snapshot) => snapshot?.version)).toEqual([1, 1, 2])
  expect(await server.admin.hget('test:1:customer:lately', 'retired')).toBe('1')
})

test('generations do not see each other', async () => {
  const server = await RedisServer.start()
  const [one, two] = [await open({ url: server.url }), await open({ url: server.url })]
  const other = await openRedisSnapshots(
    { url: server.url },
    { app: 'test', generation: '2', rows: textRows, refill: async () => undefined },
  )
  onTestFinished(() => other.close())
  await put(one, 1)
  await one.flush()
  expect((await two.get('a'))?.version).toBe(1)
  expect(await other.get('a')).toBeNull()
  expect(await other.cursor(0)).toBeNull()
})

test('sentinels tell where the master is, also after a failover', async () => {
  const master = await RedisServer.start()
  const replica = await RedisServer.start({ flags: ['--replicaof', `127.0.0.1 ${master.port}`] })
  const sentinel = await startSentinel('crm', master)
  const engine = await RedisEngine.start({ sentinels: { name: 'crm', nodes: [sentinel] } })
  await engine.hit(500)
  expect(await engine.differences(master)).toEqual([])
  await master.kill()
  await engine.hit(500)
  expect(await engine.differences(replica)).toEqual([])
})

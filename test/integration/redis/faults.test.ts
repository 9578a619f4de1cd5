/**
 * Redis dies, forgets, lies or refuses, while an engine goes on. Afterwards, without a restart,
 * every customer's hash is what the log says.
 */
import { expect, onTestFinished, test, vi } from 'vitest'
import { partitionOf } from '../../../src/events/partition.js'
import { openRedisSnapshots } from '../../../src/snapshots/redis-open.js'
import type { Refill } from '../../../src/snapshots/redis-refill.js'
import { RedisLookups } from '../../../src/snapshots/redis-lookups.js'
import { madeUpTexts } from '../../conformance/snapshots.js'
import { RedisEngine } from '../../support/redis-engine.js'
import { RedisServer, startRedisCluster } from '../../support/redis-server.js'

/** One of the engine's customers who belongs to a partition. */
function customerOf(partition: number): string {
  const names = Array.from({ length: 500 }, (_, index) => `c${index}`)
  return names.find((name) => partitionOf(Buffer.from(name), 2) === partition)!
}

test('any client reads what the log says, customer by customer', async () => {
  const server = await RedisServer.start()
  const engine = await RedisEngine.start({ url: server.url })
  await engine.hit(1000)
  await engine.erase('c7')
  expect(await engine.differences(server)).toEqual([])
  expect(await server.admin.hgetall('test:1:customer:c7')).toMatchObject({ erased: '1' })
  expect(await server.admin.ttl('test:1:customer:c7')).toBeGreaterThan(600_000)
  expect(await engine.snapshots.get('c7 of 1001')).toBeNull()
  const [seen, nobody] = await engine.snapshots.getMany(['c9', 'nobody'])
  expect([seen?.customer, nobody]).toEqual(['c9', null])
  expect(engine.refills).toBe(0)
})

test('the record of a partition proves what is published, and readers can ask for it', async () => {
  const server = await RedisServer.start()
  const engine = await RedisEngine.start({ url: server.url })
  await engine.hit(1000)
  expect(await engine.differences(server)).toEqual([])
  const proof = engine.snapshots.proof(1)!
  const names = { app: 'test', generation: '1' }
  const lookups = await RedisLookups.open({ url: server.url }, names)
  onTestFinished(() => lookups.close())
  await vi.waitFor(async () => {
    const found = await lookups.find(customerOf(1))
    expect(found.proof).toEqual(proof)
    expect(found.snapshot).toEqual(await engine.snapshots.get(customerOf(1)))
    expect(await server.admin.hgetall('test:1:partition:1')).toMatchObject({
      commit: String(proof.commit),
      asOf: String(proof.asOf),
      endOffset: String(proof.endOffset),
      caughtUp: '1',
    })
  })
  expect((await lookups.find('nobody')).snapshot).toBeNull()
})

test('a server that is killed and comes back empty is filled again', async () => {
  const server = await RedisServer.start()
  const engine = await RedisEngine.start({ url: server.url })
  await engine.hit(1000)
  expect(await engine.differences(server)).toEqual([])
  await server.kill()
  await engine.hit(500)
  await vi.waitFor(() => expect(engine.snapshots.status().failure).toBe('REDIS_UNAVAILABLE'))
  await server.startAgain()
  expect(await engine.differences(server)).toEqual([])
  await engine.hit(100)
  expect(await engine.differences(server)).toEqual([])
})

test('a server that comes back with old data is put right', async () => {
  const server = await RedisServer.start()
  const engine = await RedisEngine.start({ url: server.url })
  await engine.hit(500)
  expect(await engine.differences(server)).toEqual([])
  await server.admin.save()
  await engine.hit(500)
  expect(await engine.differences(server)).toEqual([])
  await server.kill()
  await server.startAgain()
  expect(await engine.differences(server)).toEqual([])
})

test('a server that is flushed while nothing is written is filled again', async () => {
  const server = await RedisServer.start()
  const engine = await RedisEngine.start({ url: server.url })
  await engine.hit(1000)
  expect(await engine.differences(server)).toEqual([])
  await server.admin.flushall()
  expect(await engine.differences(server)).toEqual([])
  expect(engine.notes.join('\n')).toContain('all are put again')
})

test('customers that somebody deleted are found by a sample, and put again', async () => {
  const server = await RedisServer.start()
  const engine = await RedisEngine.start({ url: server.url })
  await engine.hit(1000)
  expect(await engine.differences(server)).toEqual([])
  const keys = await server.admin.keys('test:1:customer:*')
  await server.admin.unlink(keys.filter((_, index) => index % 2 === 0))
  expect(await engine.differences(server)).toEqual([])
  expect(engine.notes.join('\n')).toContain('a customer is missing')
})

test('a flush in the middle of writing is filled again', async () => {
  const server = await RedisServer.start()
  const engine = await RedisEngine.start({ url: server.url })
  for (let round = 0; round < 10; round++) {
    await Promise.all([engine.hit(200), server.admin.flushall()])
  }
  expect(await engine.differences(server)).toEqual([])
})

test('what is too much to wait for a dead server is put again from the outputs', async () => {
  const server = await RedisServer.start()
  const engine = await RedisEngine.start({ url: server.url }, { waitingBytesMax: 10_000 })
  await engine.hit(300)
  expect(await engine.differences(server)).toEqual([])
  await server.kill()
  for (let round = 0; round < 20; round++) {
    await engine.hit(100)
    expect(engine.snapshots.status().waitingBytes).toBeLessThan(100_000)
  }
  expect(engine.snapshots.proof(0)?.caughtUp).toBe(false)
  await server.startAgain()
  expect(await engine.differences(server)).toEqual([])
  expect(engine.snapshots.proof(0)?.caughtUp).toBe(true)
})

test('a commit does not wait for room behind what is put again', async () => {
  const server = await RedisServer.start()
  const text = Buffer.from('x'.repeat(1000))
  const putsOf = (commit: number) => {
    const names = Array.from({ length: 100 }, (_, index) => `c${index} of ${commit}`)
    return names.map((customer) => ({ customer, features: text, score: null }))
  }
  const proofOf = (commit: number) => {
    return { partition: 0, asOf: commit, endOffset: commit, commit, caughtUp: false }
  }
  const cursorOf = (commit: number) => {
    return { commit, featuresOffset: 100 * commit, scoresOffset: 100 * commit }
  }
  let again = 0
  const refill: Refill = async (_, sink) => {
    // Frozen: nothing that is put from here on is written.
    server.pause()
    for (; again < 500; again++) await sink.put(putsOf(again), proofOf(again), cursorOf(again))
  }
  const options = { app: 'test', generation: '1', rows: madeUpTexts, refill }
  const waitingBytesMax = 4 * 1024 * 1024
  const snapshots = await openRedisSnapshots({ url: server.url }, { ...options, waitingBytesMax })
  onTestFinished(() => snapshots.close())
  await snapshots.cursor(0)
  await snapshots.put(putsOf(1000), proofOf(1000), cursorOf(1000))
  await snapshots.flush()
  await server.admin.flushall()
  await vi.waitFor(() => expect(again).toBeGreaterThan(0), 10_000)
  const before = again
  expect(snapshots.put(putsOf(1001), proofOf(1001), cursorOf(1001))).toBeUndefined()
  expect(before).toBeLessThan(500)
  server.resume()
  await vi.waitFor(() => expect(snapshots.status().behind).toEqual([]), 10_000)
  expect(again).toBe(500)
  await snapshots.flush()
  expect((await snapshots.get('c7 of 1001'))?.version).toBe(1001)
})

test('an engine that starts while the server is away goes on, and catches up', async () => {
  const server = await RedisServer.start()
  const engine = await RedisEngine.start({ url: server.url })
  await engine.hit(300)
  expect(await engine.differences(server)).toEqual([])
  await engine.stop()
  await server.kill()
  await engine.startAgain()
  await engine.hit(300)
  await server.startAgain()
  expect(await engine.differences(server)).toEqual([])
})

test('an engine that lacks much when it starts does not wait until that is put again', async () => {
  const server = await RedisServer.start()
  const engine = await RedisEngine.start({ url: server.url }, { followedRowsMax: 100 })
  await engine.hit(1000)
  expect(await engine.differences(server)).toEqual([])
  await engine.stop()
  await server.admin.flushall()
  let open = () => {}
  engine.gate = new Promise((resolve) => (open = resolve))
  await engine.startAgain()
  await engine.hit(300)
  // Fewer are put by who opens, before its commits.
  expect(new Set(engine.snapshots.status().behind)).toEqual(new Set([0, 1]))
  expect(engine.snapshots.proof(0)?.caughtUp).toBe(false)
  await vi.waitFor(() => expect(engine.refills).toBe(1))
  open()
  expect(await engine.differences(server)).toEqual([])
  expect(engine.refills).toBe(2)
  await engine.stop()
  await engine.startAgain()
  expect(await engine.differences(server)).toEqual([])
  expect(engine.refills).toBe(2)
})

test('an engine that stops while the server is away leaves the rest to the next one', async () => {
  const server = await RedisServer.start()
  const engine = await RedisEngine.start({ url: server.url })
  await engine.hit(300)
  expect(await engine.differences(server)).toEqual([])
  await server.admin.save()
  server.pause()
  await engine.hit(300)
  await engine.stop()
  expect(engine.notes.at(-1)).toContain('catches up later')
  server.resume()
  await engine.startAgain()
  expect(await engine.differences(server)).toEqual([])
  expect(engine.refills).toBe(0)
})

test('a server that says nothing for a while holds nobody up', async () => {
  const server = await RedisServer.start()
  const engine = await RedisEngine.start({ url: server.url })
  await engine.hit(300)
  expect(await engine.differences(server)).toEqual([])
  server.pause()
  await engine.hit(300)
  await vi.waitFor(() => expect(engine.snapshots.status().failure).toBe('REDIS_UNAVAILABLE'))
  await engine.hit(300)
  server.resume()
  expect(await engine.differences(server)).toEqual([])
})

test('a server without memory is written when it has some again', async () => {
  const server = await RedisServer.start()
  const engine = await RedisEngine.start({ url: server.url })
  await engine.hit(300)
  expect(await engine.differences(server)).toEqual([])
  await server.admin.config('SET', 'maxmemory', '1mb')
  await engine.hit(1000)
  await vi.waitFor(() => expect(engine.snapshots.status().failure).toBe('REDIS_FULL'))
  await server.admin.config('SET', 'maxmemory', '0')
  expect(await engine.differences(server)).toEqual([])
  expect(engine.refills).toBe(0)
})

test('a server that becomes a replica for a while is put right', async () => {
  const server = await RedisServer.start()
  const other = await RedisServer.start()
  const engine = await RedisEngine.start({ url: server.url })
  await engine.hit(300)
  expect(await engine.differences(server)).toEqual([])
  await server.admin.replicaof('127.0.0.1', other.port)
  await engine.hit(300)
  await vi.waitFor(() => expect(engine.snapshots.status().failure).toBe('REDIS_READ_ONLY'))
  await server.admin.replicaof('NO', 'ONE')
  expect(await engine.differences(server)).toEqual([])
})

test('a stale replica that takes over at the same address is put right', async () => {
  const master = await RedisServer.start()
  const replica = await RedisServer.start({ flags: ['--replicaof', `127.0.0.1 ${master.port}`] })
  const engine = await RedisEngine.start({ url: master.url })
  await engine.hit(300)
  expect(await engine.differences(master)).toEqual([])
  await vi.waitFor(async () =>
    expect(await replica.admin.dbsize()).toBe(await master.admin.dbsize()),
  )
  // Cut off, and behind from here on.
  await replica.admin.replicaof('NO', 'ONE')
  await engine.hit(300)
  expect(await engine.differences(master)).toEqual([])
  await replica.admin.save()
  await replica.kill()
  await master.kill()
  await replica.takeOver(master.port)
  expect(await engine.differences(replica)).toEqual([])
})

test('rows of a log that is no more are deleted, and do not keep out the new ones', async () => {
  const server = await RedisServer.start()
  const before = await RedisEngine.start({ url: server.url })
  for (let round = 0; round < 5; round++) await before.hit(200)
  expect(await before.differences(server)).toEqual([])
  await before.stop()
  const after = await RedisEngine.start({ url: server.url })
  await after.hit(400)
  expect(await after.differences(server)).toEqual([])
  expect(after.notes.join('\n')).toContain('rows are deleted')
})

test('a node of a cluster that is flushed, or killed, is filled again', async () => {
  const servers = await startRedisCluster()
  const engine = await RedisEngine.start({ cluster: [servers[0].node] })
  await engine.hit(1000)
  expect(await engine.differences(...servers)).toEqual([])
  for (const server of servers) {
    await server.admin.flushall()
    expect(await engine.differences(...servers)).toEqual([])
  }
  expect(engine.refills).toBeGreaterThanOrEqual(3)
  await servers[1].kill()
  await engine.hit(300)
  await servers[1].startAgain()
  expect(await engine.differences(...servers)).toEqual([])
})

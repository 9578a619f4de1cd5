/** The oracles of the torture find what is planted: who finds nothing anywhere proves nothing. */
import { setTimeout as sleep } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { StoredRecord } from '../../../src/log/log.js'
import { kafkajs } from '../../support/kafka-place.js'
import { layout } from '../../support/kill/churn-parts.js'
import { type Outputs, readOutputs, recordsOf } from '../../support/outputs.js'
import { seededRandom } from '../../support/random.js'
import { kafkaBrokers } from '../../support/shared-broker.js'
import { Arena } from '../../support/torture/arena.js'
import { judge } from '../../support/torture/judge.js'
import { naiveFaults } from '../../support/torture/naive-oracle.js'
import {
  inputFaults,
  openFaults,
  redisDue,
  redisFaults,
  storeFaults,
} from '../../support/torture/oracles.js'
import { Servers } from '../../support/torture/servers.js'

const partitions = 2
let servers: Servers
let arena: Arena
let input: StoredRecord[][]
let outputs: Outputs[]

beforeAll(async () => {
  servers = await Servers.open({ brokers: await kafkaBrokers() })
  arena = await Arena.open({ seed: 3, servers, slots: 1, partitions, customers: 200 })
  await arena.start(0)
  while ((await arena.positions()).some((position) => (position?.commit ?? 0) < 20))
    await sleep(200)
}, 300_000)

afterAll(async () => {
  await arena?.close()
  await servers?.stop()
}, 60_000)

describe('the oracles', () => {
  test('find nothing where nothing was broken', async () => {
    const verdict = await judge(arena)
    expect(verdict.faults).toEqual([])
    expect(verdict.rows).toBeGreaterThan(100)
    const all = [0, 1].map((partition) => recordsOf(arena.log, arena.topics.events, partition))
    input = await Promise.all(all)
    const read = [0, 1].map((p) => readOutputs(arena.log, arena.topics, p, layout))
    outputs = await Promise.all(read)
  }, 300_000)

  test('find a record that is not in the input, and one that nobody sent', () => {
    const fewer = input.map((records) => records.slice(1))
    expect(inputFaults(arena.feed.acknowledged, fewer).join()).toContain('O6 2 acknowledged')
    const sent = new Map([...arena.feed.acknowledged].slice(1))
    expect(inputFaults(sent, input).join()).toContain('O6 1 records of the input')
  })

  test('find rows that do not follow from the input', () => {
    const fewer = input.map((records) => records.filter((_, i) => i % 7 !== 3))
    const faults = fewer.flatMap((records, i) => naiveFaults(records, outputs[i], seededRandom(1)))
    expect(faults.length).toBeGreaterThan(0)
  })

  test('find a customer in Redis who is another one, and one who is gone', async () => {
    const redis = new Redis(servers.redisUrl)
    const keys = await redis.keys(`${arena.prefix.slice(0, -1)}:*:customer:*`)
    const [changed, gone] = keys
    const version = await redis.hget(changed, 'version')
    await redis.hset(changed, 'version', Number(version) + 1)
    await redis.del(gone)
    redis.disconnect()
    const due = outputs.flatMap((of) => [...redisDue(of)])
    const faults = await redisFaults(arena, new Map(due), 0)
    expect(faults).toHaveLength(2)
    expect(faults.join()).toContain(': nothing instead of')
  })

  test('find an open transaction', async () => {
    const client = kafkajs(servers.brokers)
    const producer = client.producer({
      transactionalId: `${arena.prefix}open`,
      maxInFlightRequests: 1,
    })
    await producer.connect()
    const transaction = await producer.transaction()
    const messages = [{ key: 'nobody', value: 'nothing', partition: 1 }]
    await transaction.send({ topic: arena.topics.late, messages })
    expect((await openFaults(arena, 0)).join()).toMatch(/^O5 .*late\/1 is stable up to \d+ of \d+$/)
    await transaction.abort()
    await producer.disconnect()
    expect(await openFaults(arena, 10_000)).toEqual([])
  })

  test('find a row that is doubled', async () => {
    const [record] = await recordsOf(arena.log, arena.topics.features, 0)
    const producer = kafkajs(servers.brokers).producer()
    await producer.connect()
    const messages = [{ key: record.key, value: record.value!, partition: 0 }]
    await producer.send({ topic: arena.topics.features, messages })
    await producer.disconnect()
    const { faults } = await readOutputs(arena.log, arena.topics, 0, layout)
    expect(faults.join()).toContain('two rows of')
  })

  test('find a store that is gone', async () => {
    await arena.wipe(0)
    expect(await storeFaults(arena)).toHaveLength(partitions)
  })
})

/**
 * What other producers leave on the brokers: aborted records between committed ones, transactions
 * that are open. The client's own filter lets two shapes of aborted records through; each of them is
 * shown to be one, and then read by us.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Producer, Transaction } from 'kafkajs'
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import type { EventLog, StoredRecord } from '../../../src/log/log.js'
import { KafkaPlace, kafkajs } from '../../support/kafka-place.js'
import { kafkaBrokers } from '../../support/shared-broker.js'

beforeAll(() => kafkaBrokers(), 300_000)

let place: KafkaPlace
let topic: string

async function openLog() {
  place = new KafkaPlace(['events'])
  topic = place.topics[0]
  const log = await place.open({ timeBase: { kind: 'wall' } })
  onTestFinished(() => log.close())
  return log
}

async function producer(): Promise<Producer> {
  const transactionalId = `${topic}-${Math.random()}`
  const client = kafkajs(await kafkaBrokers())
  const made = client.producer({ transactionalId, idempotent: true, maxInFlightRequests: 1 })
  await made.connect()
  onTestFinished(() => made.disconnect())
  return made
}

const send = (transaction: Transaction, key: string | Buffer, value: string) =>
  transaction.send({ topic, messages: [{ key, value, partition: 0 }] })

async function valuesFrom(log: EventLog, from: number): Promise<string[]> {
  const reader = log.reader(topic, 0, from)
  const records: StoredRecord[] = []
  for (let atEnd = false; !atEnd;) {
    const poll = await reader.poll(100, 0)
    records.push(...poll.records)
    atEnd = poll.atEnd
  }
  await reader.close()
  return records.map(({ value }) => value!.toString())
}

/** What the client itself hands out, from an offset on, up to a record with the value "end". */
async function valuesOfClient(from: number): Promise<string[]> {
  const client = kafkajs(await kafkaBrokers())
  const groupId = `${topic}-${from}`
  const admin = client.admin()
  await admin.connect()
  await admin.setOffsets({ groupId, topic, partitions: [{ partition: 0, offset: String(from) }] })
  await admin.disconnect()
  const consumer = client.consumer({ groupId })
  const values: string[] = []
  await consumer.connect()
  await consumer.subscribe({ topic, fromBeginning: true })
  await new Promise<void>((resolve, reject) => {
    consumer
      .run({
        autoCommit: false,
        eachMessage: async ({ message }) => {
          values.push(message.value!.toString())
          if (message.value!.toString() === 'end') resolve()
        },
      })
      .catch(reject)
  })
  await consumer.disconnect()
  return values
}

describe('records of aborted transactions', () => {
  test('that overlap are not handed out, wherever reading starts', async () => {
    const log = await openLog()
    const [first, second, third] = [await producer(), await producer(), await producer()]
    const [a, b] = [await first.transaction(), await second.transaction()]
    await send(a, 'k', 'a aborted 0')
    await send(b, 'k', 'b aborted 1')
    await send(a, 'k', 'a aborted 2')
    await send(b, 'k', 'b aborted 3')
    const c = await third.transaction()
    await send(c, 'k', 'committed 4')
    await a.abort()
    await b.abort()
    await c.commit()
    const d = await first.transaction()
    await send(d, 'k', 'end')
    await d.commit()
    expect(await valuesOfClient(1)).toContain('b aborted 1')
    for (let from = 0; from <= 4; from += 1) {
      expect(await valuesFrom(log, from)).toEqual(['committed 4', 'end'])
    }
  })

  test('are not handed out behind one whose key looks like the mark of an abort', async () => {
    const log = await openLog()
    const first = await producer()
    const aborted = await first.transaction()
    await send(aborted, Buffer.alloc(4), 'aborted 0')
    await send(aborted, 'k', 'aborted 1')
    await aborted.abort()
    const committed = await first.transaction()
    await send(committed, Buffer.alloc(4), 'committed')
    await send(committed, 'k', 'end')
    await committed.commit()
    expect(await valuesOfClient(0)).toEqual(['aborted 0', 'aborted 1', 'committed', 'end'])
    expect(await valuesFrom(log, 0)).toEqual(['committed', 'end'])
  })

  test('leave no last record, and an end before them', async () => {
    const log = await openLog()
    const first = await producer()
    const empty = await first.transaction()
    await send(empty, 'k', 'aborted')
    await empty.abort()
    expect(await log.last(topic, 0)).toBeNull()
    expect(await log.endOffset(topic, 0)).toBe(0)
    const committed = await first.transaction()
    await send(committed, 'k', 'committed')
    await committed.commit()
    for (let round = 0; round < 70; round += 1) {
      const aborted = await first.transaction()
      await send(aborted, 'k', 'aborted')
      await aborted.abort()
    }
    const last = await log.last(topic, 0)
    expect(last?.value?.toString()).toBe('committed')
    expect(await log.endOffset(topic, 0)).toBe(last!.offset + 1)
    const reader = log.reader(topic, 0, 0)
    const poll = await reader.poll(10, 0)
    expect(poll.records).toHaveLength(1)
    // Behind 70 aborted transactions, and caught up: what lies at the end counts as read.
    expect(poll.atEnd ? poll : await reader.poll(10, 0)).toMatchObject({
      atEnd: true,
      caughtUpAt: expect.any(Number) as number,
    })
    await reader.close()
  })
})

test('while a transaction of somebody else is open, nobody is caught up', async () => {
  const log = await openLog()
  const [first, second] = [await producer(), await producer()]
  const open = await first.transaction()
  await send(open, 'k', 'open')
  const behind = await second.transaction()
  await send(behind, 'k', 'behind')
  await behind.commit()
  const reader = log.reader(topic, 0, 0)
  expect(await reader.poll(10, 0)).toEqual({ records: [], caughtUpAt: null, atEnd: true })
  await sleep(20)
  expect(await reader.poll(10, 300)).toEqual({ records: [], caughtUpAt: null, atEnd: true })
  await open.commit()
  const poll = await reader.poll(10, 5_000)
  expect(poll.records.map(({ value }) => value!.toString())).toEqual(['open', 'behind'])
  const proved = poll.caughtUpAt ?? (await reader.poll(10, 0)).caughtUpAt
  expect(proved).toBeGreaterThan(Date.now() - 60_000)
  await reader.close()
})

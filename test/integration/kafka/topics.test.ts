/** What a log asks of its topics, and what it says when they are not as they were. */
import client from 'kafkajs'
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { KafkaLog, type KafkaLogOptions } from '../../../src/log/kafka-log.js'
import type { EventLog } from '../../../src/log/log.js'
import { createTopics, kafkajs, KafkaPlace } from '../../support/kafka-place.js'
import { kafkaBrokers } from '../../support/shared-broker.js'

beforeAll(() => kafkaBrokers(), 300_000)

const none = { kind: 'none' } as const

async function openLog(topics: string[], options: Partial<KafkaLogOptions> = {}) {
  const log = await KafkaLog.open({
    brokers: await kafkaBrokers(),
    topics,
    timeBase: none,
    fetchWaitMs: 100,
    ...options,
  })
  onTestFinished(() => log.close())
  return log
}

async function append(log: EventLog, topic: string, ...values: string[]) {
  const transaction = log.begin('writer')
  for (const value of values) {
    const timestamp = 1_700_000_000_000
    transaction.append(topic, 0, { key: null, value: Buffer.from(value), timestamp, headers: null })
  }
  await transaction.commit()
}

async function admin() {
  const made = kafkajs(await kafkaBrokers()).admin()
  await made.connect()
  onTestFinished(() => made.disconnect())
  return made
}

describe('a log is not opened', () => {
  test('without one of its topics', async () => {
    const place = new KafkaPlace(['events', 'features'])
    await createTopics([place.topics[0]], 1)
    await expect(openLog(place.topics)).rejects.toMatchObject({
      code: 'TOPIC_MISSING',
      exit: 78,
      message: expect.stringContaining(place.topics[1]) as string,
    })
  })

  test('whose topics differ in their number of partitions', async () => {
    const place = new KafkaPlace(['events', 'features'])
    await createTopics([place.topics[0]], 2)
    await createTopics([place.topics[1]], 3)
    await expect(openLog(place.topics)).rejects.toMatchObject({
      code: 'PARTITIONS_MISMATCH',
      message: expect.stringContaining('has 3 partitions; 2 are due') as string,
    })
  })

  test.each([
    ['message.timestamp.type', 'LogAppendTime', 'CreateTime'],
    ['max.message.bytes', '1000', '1048588'],
    ['message.timestamp.after.max.ms', '7200000', '3600000'],
  ])('with %s=%s, and the text says how to mend it', async (name, value, due) => {
    const place = new KafkaPlace(['events'])
    await createTopics(place.topics, 1, [{ name, value }])
    const opening = openLog(place.topics, { timeBase: { kind: 'wall' } })
    await expect(opening).rejects.toMatchObject({
      code: 'TOPIC_UNSUITABLE',
      message: expect.stringContaining(
        `kafka-configs.sh --alter --entity-type topics --entity-name ${place.topics[0]} --add-config ${name}=${due}`,
      ) as string,
    })
  })

  test('where no broker answers', async () => {
    const opening = openLog(['events'], { brokers: ['127.0.0.1:1'], patienceMs: 100 })
    await expect(opening).rejects.toMatchObject({ code: 'KAFKA_UNREACHABLE', exit: 69 })
    await expect(openLog(['events'], { brokers: ['nowhere'] })).rejects.toMatchObject({
      code: 'BROKER_INVALID',
    })
  })
})

describe('a log that is open', () => {
  test('says so when its topic has been created anew', async () => {
    const place = new KafkaPlace(['events'])
    const [topic] = place.topics
    const log = await place.open()
    onTestFinished(() => log.close())
    await append(log, topic, 'a', 'b')
    const reader = log.reader(topic, 0, 0)
    expect((await reader.poll(1, 0)).records).toHaveLength(1)
    const them = await admin()
    await them.deleteTopics({ topics: [topic] })
    await createTopics([topic], 1)
    const polling = async () => {
      for (;;) await reader.poll(10, 100)
    }
    await expect(polling()).rejects.toMatchObject({ code: 'LOG_CHANGED', exit: 78 })
    const again = await openLog([topic])
    expect(again.id).not.toBe(log.id)
  })

  test('says which range is lost when the brokers have deleted what is asked for', async () => {
    const place = new KafkaPlace(['events'])
    const [topic] = place.topics
    const log = await place.open()
    onTestFinished(() => log.close())
    await append(log, topic, 'a', 'b', 'c')
    await append(log, topic, 'd')
    const them = await admin()
    // Else the client knows nothing of the topic, and does not ask.
    await them.fetchTopicOffsets(topic)
    await them.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: '2' }] })
    expect(await log.startOffset(topic, 0)).toBe(2)
    await expect(log.reader(topic, 0, 1).poll(10, 0)).rejects.toMatchObject({
      code: 'LOG_RANGE_LOST',
      exit: 78,
      message: expect.stringContaining('offset 1 was asked for; the log has 2 to 6') as string,
    })
    // The mark of the last transaction may come a moment later: an answer need not hold both.
    const reader = log.reader(topic, 0, 2)
    const left = []
    while (left.length < 2) left.push(...(await reader.poll(10, 1000)).records)
    expect(left.map(({ value }) => value?.toString())).toEqual(['c', 'd'])
  })

  test('reads what others have compressed', async () => {
    const place = new KafkaPlace(['events'])
    const [topic] = place.topics
    const log = await place.open()
    onTestFinished(() => log.close())
    const producer = kafkajs(await kafkaBrokers()).producer()
    await producer.connect()
    const messages = Array.from({ length: 500 }, (_, i) => ({ key: `k${i}`, value: `v${i}` }))
    await producer.send({ topic, messages, compression: client.CompressionTypes.GZIP })
    await producer.disconnect()
    const poll = await log.reader(topic, 0, 0).poll(1000, 0)
    expect(poll.records.map(({ value }) => value!.toString())).toEqual(
      messages.map(({ value }) => value),
    )
  })
})

/** Records as brokers and producers compress them. */
import { beforeAll, expect, onTestFinished, test } from 'vitest'
import { KafkaLog } from '../../../src/log/kafka-log.js'
import { createTopics, kafkajs, KafkaPlace } from '../../support/kafka-place.js'
import { recordsOf } from '../../support/outputs.js'
import { kafkaBrokers } from '../../support/shared-broker.js'

beforeAll(() => kafkaBrokers(), 300_000)

test.each(['gzip', 'snappy', 'lz4', 'zstd'])(
  'records in %s are read as they are',
  async (codec) => {
    const place = new KafkaPlace(['events'])
    const [topic] = place.topics
    await createTopics([topic], 1, [{ name: 'compression.type', value: codec }])
    const producer = kafkajs(await kafkaBrokers()).producer()
    await producer.connect()
    // Larger than a block of any of them, and something that does not become smaller.
    const values = ['short', '{"a":1}'.repeat(30_000), Buffer.from('00ff'.repeat(500), 'hex')]
    const messages = values.map((value) => ({ key: 'c1', value, timestamp: '1700000000000' }))
    for (const message of messages) await producer.send({ topic, messages: [message] })
    await producer.send({ topic, messages })
    await producer.disconnect()
    const timeBase = { kind: 'none' } as const
    const log = await KafkaLog.open({ brokers: await kafkaBrokers(), topics: [topic], timeBase })
    onTestFinished(() => log.close())
    const read = await recordsOf(log, topic, 0)
    const due = [...values, ...values].map((value) => Buffer.from(value).toString('hex'))
    expect(read.map(({ value }) => value?.toString('hex'))).toEqual(due)
  },
)

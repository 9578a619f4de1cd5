/** The least that answers W1's events with scores over a broker: what a latency is held against. */
import { OutputRows } from '../../src/events/output-rows.js'
import { FeatureRows } from '../../src/features/rows.js'
import { kafkajs } from '../../test/support/kafka-place.js'
import { w1Schema } from './w1.js'
import { topics, w1Layout } from './w1-kafka.js'

const model = { name: 'none', version: '0', hash: '00'.repeat(32) }
const answer = {
  probability: 0,
  risk: 'low',
  decision: null,
  servedBy: model,
  degraded: null,
} as const

/**
 * Answers each batch with a score of each customer in it, as soon as it is read: a plain kafkajs
 * consumer and producer, without state, commits, transactions or features.
 */
export async function answerW1(brokers: string[]): Promise<{ stop(): Promise<void> }> {
  const kafka = kafkajs(brokers)
  const producer = kafka.producer({ allowAutoTopicCreation: false })
  const consumer = kafka.consumer({ groupId: 'answering' })
  const output = new OutputRows(w1Layout)
  await producer.connect()
  await consumer.connect()
  await consumer.subscribe({ topic: topics.events, fromBeginning: true })
  await consumer.run({
    autoCommit: false,
    partitionsConsumedConcurrently: 4,
    eachBatch: async ({ batch }) => {
      const { partition, messages } = batch
      const rows = new FeatureRows(w1Layout.columns)
      const customers = new Set(
        messages.map(({ value }) => w1Schema.decode(value!, 5).value.customer_id),
      )
      const endOffset = Number(batch.lastOffset()) + 1
      output.begin({ topic: topics.events, partition, endOffset, asOf: 0, commit: 0 }, model)
      const scores = Array.from(customers, (customer) => {
        const row = rows.add(customer, 'event')
        rows.validUntil.push(Infinity)
        return { key: customer, value: output.score(rows, row, answer), partition }
      })
      await producer.send({ topic: topics.scores, messages: scores })
    },
  })
  return {
    async stop() {
      await consumer.disconnect()
      await producer.disconnect()
    },
  }
}

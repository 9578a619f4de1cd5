import { expect, test } from 'vitest'
import { BrokerRefusal } from '../../src/log/kafka-errors.js'

test.each([
  [19, ' (NOT_ENOUGH_REPLICAS: fewer replicas are in sync than min.insync.replicas asks for)'],
  [51, ' (CONCURRENT_TRANSACTIONS)'],
  [56, ' (KAFKA_STORAGE_ERROR)'],
  [90, ' (PRODUCER_FENCED)'],
  [100, ' (UNKNOWN_TOPIC_ID)'],
  [999, ''],
])('error %i of a broker is told by its name', (code, name) => {
  const { message } = new BrokerRefusal(code, 'produce to churn.changelog/1')
  expect(message).toBe(`produce to churn.changelog/1: the broker answers error ${code}${name}`)
})

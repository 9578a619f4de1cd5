import { beforeAll } from 'vitest'
import { logConformance, type LogPlace } from '../../conformance/log.js'
import { KafkaPlace, unprefixed } from '../../support/kafka-place.js'
import { kafkaBrokers } from '../../support/shared-broker.js'

/** Jars may have to be fetched first. */
const startMsMax = 300_000

beforeAll(() => kafkaBrokers(), startMsMax)

const topics = ['t', 't.', 'tt', 'a', 'b', 'other', 'unknown', 'events', 'features', 'changelog']

logConformance('Kafka log', async () => {
  const at = new KafkaPlace(topics)
  const place: LogPlace = {
    open: async (options) => unprefixed(await at.open(options), at.prefix),
    // Nothing of a transaction is on the brokers before its commit; others kill real processes.
    crash: (log) => log.close(),
    keepsOrder: false,
  }
  return place
})

/** Runs the engine of the vectors' app over a log on Kafka until it is idle, or killed. */
import { KafkaLog } from '../../../src/log/kafka-log.js'
import { runToIdle } from '../../replay/verify-support.js'
import { unprefixed } from '../../support/kafka-place.js'

const [how, brokers, prefix, ...topics] = process.argv.slice(2)
const delivery = how === 'atLeastOnce' ? how : 'exactlyOnce'
const log = await KafkaLog.open({
  brokers: brokers.split(','),
  topics: topics.map((topic) => prefix + topic),
  timeBase: { kind: 'none' },
})
process.stdout.write('opened\n')
await runToIdle(unprefixed(log, prefix), { idleWaitMs: 100, delivery })
await log.close()
process.stdout.write('done\n')

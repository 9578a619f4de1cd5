/**
 * What a log asks of its topics, checked when it is opened: who finds out later has wrong features.
 */
import { configurationError } from '../errors.js'
import type { KafkaCluster } from './kafka-cluster.js'
import { BrokerRefusal } from './kafka-errors.js'
import { describeConfigsRequest, type TopicConfig } from './kafka-topic-requests.js'
import { recordBytesMax, type TimeBase } from './log.js'

const timestampType = 'message.timestamp.type'
const timestampAfter = 'message.timestamp.after.max.ms'
const messageBytes = 'max.message.bytes'

const hourMs = 3_600_000

/**
 * Checks the topics of a log; the first one is its input.
 *
 * @throws TidemarkError TOPIC_MISSING, PARTITIONS_MISMATCH, TOPIC_UNSUITABLE
 */
export async function checkTopics(
  cluster: KafkaCluster,
  topics: readonly string[],
  timeBase: TimeBase,
): Promise<void> {
  const [input] = topics
  const due = cluster.topic(input).leaders.length
  for (const topic of topics) {
    const came = cluster.topic(topic).leaders.length
    if (came === due) continue
    const text = `topic ${topic} has ${came} partitions; ${due} are due, as ${input} has`
    throw configurationError('PARTITIONS_MISMATCH', text)
  }
  const names = [timestampType, timestampAfter, messageBytes]
  const request = describeConfigsRequest(topics, names)
  const configs = await cluster.persist(request.name, () => cluster.ask(request))
  for (const config of configs) {
    if (config.error !== 0) throw new BrokerRefusal(config.error, `settings of ${config.topic}`)
    checkTopic(config, config.topic === input, timeBase)
  }
}

function checkTopic({ topic, values }: TopicConfig, isInput: boolean, timeBase: TimeBase): void {
  const type = values.get(timestampType)
  if (type !== 'CreateTime') {
    // Else all that was ingested would be of today.
    throw unsuitable(topic, timestampType, 'CreateTime', type)
  }
  const bytes = Number(values.get(messageBytes))
  if (bytes < recordBytesMax) {
    throw unsuitable(topic, messageBytes, String(recordBytesMax), String(bytes))
  }
  const after = Number(values.get(timestampAfter))
  if (isInput && timeBase.kind === 'wall' && after > hourMs) {
    // One client whose clock is wrong would move the time of all customers.
    throw unsuitable(topic, timestampAfter, String(hourMs), String(after))
  }
}

function unsuitable(topic: string, name: string, due: string, came: string | undefined) {
  const command = `kafka-configs.sh --alter --entity-type topics --entity-name ${topic}`
  const text = `topic ${topic} has ${name}=${came ?? 'unknown'}; ${due} is due`
  return configurationError('TOPIC_UNSUITABLE', `${text}: ${command} --add-config ${name}=${due}`)
}

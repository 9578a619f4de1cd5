/** The requests about settings of topics, and the one that creates them. */
import type { KafkaRequest } from './kafka-requests.js'

export interface TopicConfig {
  readonly topic: string
  readonly error: number
  readonly values: ReadonlyMap<string, string>
}

/** What is in force of some settings of topics. */
export function describeConfigsRequest(
  topics: readonly string[],
  names: readonly string[],
): KafkaRequest<TopicConfig[]> {
  return {
    name: 'DescribeConfigs',
    key: 32,
    version: 2,
    encode: (writer) => {
      writer.array(topics, (_, topic) => {
        writer
          .int8(2)
          .string(topic)
          .array(names, (_writer, name) => writer.string(name))
      })
      writer.int8(0)
    },
    decode: (reader) => {
      reader.int32()
      return reader.array(() => {
        const error = reader.int16()
        reader.string()
        reader.int8()
        const topic = reader.string()!
        const values = new Map<string, string>()
        reader.array(() => {
          const name = reader.string()!
          values.set(name, reader.string() ?? '')
          reader.int8()
          reader.int8()
          reader.int8()
          reader.array(() => (reader.string(), reader.string(), reader.int8()))
        })
        return { topic, error, values }
      })
    },
  }
}

export interface NewTopic {
  readonly topic: string
  readonly partitions: number
  /** -1: the brokers' default. */
  readonly replication: number
  readonly config: readonly (readonly [name: string, value: string])[]
}

/** Creates one topic; answers the error, and in its text what the number does not tell. */
export function createTopicsRequest(
  created: NewTopic,
): KafkaRequest<{ readonly error: number; readonly text: string }> {
  const waitMs = 10_000
  return {
    name: 'CreateTopics',
    key: 19,
    version: 4,
    waitMs,
    encode: (writer) => {
      const { topic, partitions, replication, config } = created
      writer.int32(1).string(topic).int32(partitions).int16(replication).int32(0)
      writer.array(config, (_, [name, value]) => writer.string(name).string(value))
      writer.int32(waitMs).int8(0)
    },
    decode: (reader) => {
      reader.int32()
      const answers = reader.array(() => {
        reader.string()
        return { error: reader.int16(), text: reader.string() ?? '' }
      })
      return answers[0]
    },
  }
}

/** Logs on a real broker for tests: topics of their own, made when a log is first opened. */
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import client, { type Kafka } from 'kafkajs'
import { KafkaLog, type KafkaLogOptions } from '../../src/log/kafka-log.js'
import type { Committed, EventLog } from '../../src/log/log.js'
import { kafkaBrokers } from './shared-broker.js'

export interface TopicSetting {
  readonly name: string
  readonly value: string
}

/** Historic logs and clocks that tests turn need stamps of any time. */
const anyTime = { name: 'message.timestamp.after.max.ms', value: '9223372036854775807' }
/** Else what is stamped a year ago is deleted when the brokers next look, within minutes. */
const forEver = { name: 'retention.ms', value: '-1' }
const hour = { name: 'message.timestamp.after.max.ms', value: '3600000' }

export async function createTopics(
  topics: readonly string[],
  partitions: number,
  configEntries: readonly TopicSetting[] = [anyTime],
): Promise<void> {
  const admin = kafkajs(await kafkaBrokers()).admin()
  await admin.connect()
  const settings = { numPartitions: partitions, configEntries: [forEver, ...configEntries] }
  const all = topics.map((topic) => ({ topic, ...settings }))
  await admin.createTopics({ topics: all, waitForLeaders: false })
  // The controller has them at once, a broker a moment later; the client's own wait gives up then.
  for (let isThere = false; !isThere; await sleep(10)) {
    isThere = await admin.fetchTopicMetadata({ topics: [...topics] }).then(
      ({ topics: told }) => told.every((it) => it.partitions.every(({ leader }) => leader >= 0)),
      () => false,
    )
  }
  await admin.disconnect()
}

/** The client as its users know it, for what is not the log's business. */
export function kafkajs(brokers: string[]): Kafka {
  const { Kafka: Client, logLevel } = client
  return new Client({ brokers, logLevel: logLevel.NOTHING, retry: { initialRetryTime: 20 } })
}

/** Topics of one log, which nobody else has; a name is told apart from another run's by a prefix. */
export class KafkaPlace {
  readonly prefix = `t${randomUUID().slice(0, 8)}-`
  private isThere = false

  constructor(readonly names: readonly string[]) {}

  get topics(): string[] {
    return this.names.map((name) => this.prefix + name)
  }

  async open(
    options: Partial<KafkaLogOptions> & { readonly partitions?: number } = {},
  ): Promise<KafkaLog> {
    const { timeBase = { kind: 'none' as const }, partitions = 1 } = options
    const stamps = timeBase.kind === 'wall' ? hour : anyTime
    if (!this.isThere) await createTopics(this.topics, partitions, [stamps])
    this.isThere = true
    const quick = { proveEveryMs: 0, fetchWaitMs: 100 }
    return KafkaLog.open({
      brokers: await kafkaBrokers(),
      ...quick,
      ...options,
      timeBase,
      topics: this.topics,
    })
  }
}

/** A log under the names without the prefix. */
export function unprefixed<L extends EventLog>(log: L, prefix: string): L {
  const withTopic = new Set(['startOffset', 'endOffset', 'reader', 'last', 'erasures'])
  return new Proxy(log, {
    get: (_, name: string) => {
      const member = log[name as keyof L]
      if (typeof member !== 'function') return member
      if (withTopic.has(name)) {
        return (topic: string, ...rest: unknown[]) => member.call(log, prefix + topic, ...rest)
      }
      if (name !== 'begin') return member.bind(log)
      return (id: string) => {
        const transaction = log.begin(id)
        const append = transaction.append.bind(transaction)
        const commit = transaction.commit.bind(transaction)
        const flush = transaction.flush.bind(transaction)
        const told = (committed: Committed): Committed => ({
          endOffset: (topic, partition) => committed.endOffset(prefix + topic, partition),
        })
        transaction.append = (topic, ...rest) => append(prefix + topic, ...rest)
        transaction.commit = async () => told(await commit())
        transaction.flush = async () => told(await flush())
        return transaction
      }
    },
  })
}

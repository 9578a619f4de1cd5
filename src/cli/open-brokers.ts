/** The log of an app on the brokers that a configuration names, for commands that only read. */
import { join } from 'node:path'
import type { Config } from '../config/schema.js'
import { KafkaLog } from '../log/kafka-log.js'
import { type Topics, topicsOf } from '../log/log.js'
import { configOf } from './config.js'
import { kafkaConnection } from './connections.js'
import type { CliIo } from './io.js'
import { loadApp } from './load-app.js'
import { withArchive } from './open-archive.js'
import { openRegistry } from './schemas.js'
import { closeAll } from './with-end.js'

/** How often somebody who looks is told that it is the brokers who do not answer, in ms. */
const waitingEveryMs = 5_000
/** A worker waits for a registry as long as it takes; somebody who looks at a command does not. */
const registryPatienceMs = 10_000

/** Raises what `loadConfig`, `loadApp` and `KafkaLog.open` raise. */
export async function openBrokers(path: string, io: CliIo, stop: AbortSignal) {
  const { config, folder } = await configOf({ config: path }, io)
  const closing: (() => Promise<void>)[] = []
  const warn = (text: string): void => io.err(`tidemark: ${text}\n`)
  try {
    const registry = await openRegistry(config, warn, registryPatienceMs)
    if (registry !== null) {
      stop.addEventListener('abort', () => void registry.close(), { once: true })
      closing.push(() => registry.close())
    }
    const loaded = await loadApp(config.app, folder, registry)
    const name = `${config.kafka.topicPrefix}${loaded.app.name}`
    const topics = topicsOf(name)
    const log = await openKafka(config, topics, warn, stop)
    closing.push(() => log.close())
    const models = join(config.data, 'models')
    const joined = await withArchive(log, topics.events, config)
    return {
      loaded,
      owner: null,
      log: joined,
      name,
      topics,
      models,
      close: () => closeAll(closing),
    }
  } catch (error) {
    await closeAll(closing).catch(() => undefined)
    throw error
  }
}

/** Gives up after the log's own patience, and tells meanwhile what it waits for. */
async function openKafka(
  config: Config,
  topics: Topics,
  warn: (text: string) => void,
  signal: AbortSignal,
): Promise<KafkaLog> {
  const connection = { ...kafkaConnection(config), signal }
  const silent = setInterval(() => {
    warn(`waiting for the brokers ${connection.brokers.join(', ')}; tidemark doctor looks closer`)
  }, waitingEveryMs)
  try {
    const timeBase = { kind: config.kafka.timeBase }
    return await KafkaLog.open({ ...connection, topics: Object.values(topics), timeBase })
  } finally {
    clearInterval(silent)
  }
}

/** The log of an app on the brokers that a configuration names, for commands that only read. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Config } from '../config/schema.js'
import { KafkaLog } from '../log/kafka-log.js'
import { type Topics, topicsOf } from '../log/log.js'
import type { SchemaRegistry } from '../schemas/schemas.js'
import { configOf } from './config.js'
import { kafkaConnection, logTopics } from './connections.js'
import type { CliIo } from './io.js'
import type { DataOwner } from './data-directory.js'
import { generationOf } from './generations.js'
import { GenerationsTopic } from './generations-topic.js'
import { compileListed } from './listed-ids.js'
import { bundlesOf, type LoadedApp, loadApp } from './load-app.js'
import { withArchive } from './open-archive.js'
import type { Declared } from './open-data.js'
import { openRegistry } from './schemas.js'
import { tellingSilence } from './waiting.js'
import { closeAll } from './with-end.js'

/** A worker waits for a registry as long as it takes; somebody who looks at a command does not. */
const registryPatienceMs = 10_000

/** Raises what `loadConfig`, `loadApp` and `KafkaLog.open` raise. */
export async function openBrokers(
  path: string,
  io: CliIo,
  stop: AbortSignal,
  declared: Declared = 'asked',
) {
  const { config, folder } = await configOf({ config: path }, io)
  const closing: (() => Promise<void>)[] = []
  const warn = (text: string): void => io.err(`tidemark: ${text}\n`)
  try {
    const registry = await openRegistry(config, warn, registryPatienceMs)
    if (registry !== null) {
      stop.addEventListener('abort', () => void registry.close(), { once: true })
      closing.push(() => registry.close())
    }
    const named = await loadApp(config.app, folder, registry)
    const name = `${config.kafka.topicPrefix}${named.app.name}`
    const topics = topicsOf(name)
    const log = await openKafka(config, topics, warn, stop)
    closing.push(() => log.close())
    const models = join(config.data, 'models')
    const listed = { log, topic: topics.generations, app: named.app.name, writer: '' }
    const asked = await askedIn(new GenerationsTopic({ ...listed, kept: models }), named, registry)
    const { owner, loaded } = declared === 'any' ? { ...asked, loaded: named } : asked
    const joined = await withArchive(log, topics.events, config)
    return {
      loaded,
      owner,
      log: joined,
      name,
      topics,
      models,
      listedBundles: async () => {
        const kept = await mkdtemp(join(tmpdir(), 'tidemark-bundles-'))
        closing.push(() => rm(kept, { recursive: true, force: true }))
        const list = new GenerationsTopic({ ...listed, kept })
        await list.catchUp()
        await list.fetchListed()
        return kept
      },
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
  const timeBase = { kind: config.kafka.timeBase }
  return tellingSilence(connection.brokers, warn, () =>
    KafkaLog.open({ ...connection, topics: logTopics(topics), timeBase }),
  )
}

/** The app that is asked for on the brokers, as it is listed where the configuration has another. */
async function askedIn(
  list: GenerationsTopic,
  named: LoadedApp,
  registry: SchemaRegistry | null,
): Promise<{ readonly owner: DataOwner | null; readonly loaded: LoadedApp }> {
  await list.catchUp()
  const { owner } = list
  if (owner === null || owner.generations!.length === 1) return { owner, loaded: named }
  const asked = generationOf(owner, list.asked)
  const app = compileListed(owner, asked, registry ?? undefined)
  const { labels } = named.app
  if (app.engine.appHash === named.app.engine.appHash) {
    return { owner, loaded: { ...named, app: { ...app, labels } } }
  }
  const { reference } = asked
  return { owner, loaded: { app, reference, bundles: bundlesOf(reference) } }
}

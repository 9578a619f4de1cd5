/**
 * Where commands that only read find the log of an app: in a data directory, or on the brokers that a
 * configuration names.
 */
import { join, resolve } from 'node:path'
import { Option, type Command } from 'commander'
import type { Config } from '../config/schema.js'
import { KafkaLog } from '../log/kafka-log.js'
import { type EventLog, type Topics, topicsOf } from '../log/log.js'
import { configOf } from './config.js'
import { kafkaConnection } from './connections.js'
import { nonEmpty } from './flags.js'
import type { CliIo } from './io.js'
import { type LoadedApp, loadApp } from './load-app.js'
import { withArchive } from './open-archive.js'
import { openData } from './open-data.js'
import { openRegistry } from './schemas.js'
import { DEFAULT_DATA_DIRECTORY } from './start-options.js'
import { closeAll } from './with-end.js'

export interface SourceFlags {
  readonly app?: string
  readonly data: string
  readonly config?: string
}

export interface OpenSource {
  readonly loaded: LoadedApp
  readonly log: EventLog
  /** What the topics are named after: the app, behind a prefix where the configuration has one. */
  readonly name: string
  readonly topics: Topics
  /** Where bundles are kept that scores name. */
  readonly models: string
  close(): Promise<void>
}

export function addSourceFlags(command: Command): Command {
  return command
    .option('--app <app>', 'churn, or the folder of an app', nonEmpty('an app'))
    .option('--data <dir>', 'data directory', nonEmpty('a directory'), DEFAULT_DATA_DIRECTORY)
    .addOption(
      new Option('--config <file>', 'configuration file (YAML) that names brokers instead')
        .argParser(nonEmpty('a file'))
        .conflicts(['app', 'data']),
    )
}

/** Raises what `openData`, `loadConfig`, `loadApp` and `KafkaLog.open` raise. */
export async function openSource(flags: SourceFlags, io: CliIo): Promise<OpenSource> {
  if (flags.config !== undefined) {
    const { config, folder } = await configOf({ config: flags.config }, io)
    return openBrokers(config, folder, io)
  }
  const data = await openData(resolve(io.cwd, flags.data), {
    app: flags.app ?? null,
    cwd: io.cwd,
    timeBase: null,
  })
  return {
    loaded: data.loaded,
    log: data.log,
    name: data.loaded.app.name,
    topics: topicsOf(data.loaded.app.name),
    models: data.models,
    close: () => data.close(),
  }
}

async function openBrokers(config: Config, folder: string, io: CliIo): Promise<OpenSource> {
  const closing: (() => Promise<void>)[] = []
  try {
    const registry = await openRegistry(config, (text) => io.err(`tidemark: ${text}\n`))
    if (registry !== null) closing.push(() => registry.close())
    const loaded = await loadApp(config.app, folder, registry)
    const name = `${config.kafka.topicPrefix}${loaded.app.name}`
    const topics = topicsOf(name)
    const timeBase = { kind: config.kafka.timeBase }
    const log = await KafkaLog.open({
      ...kafkaConnection(config),
      topics: Object.values(topics),
      timeBase,
    })
    closing.push(() => log.close())
    const models = join(config.data, 'models')
    const joined = await withArchive(log, topics.events, config)
    return { loaded, log: joined, name, topics, models, close: () => closeAll(closing) }
  } catch (error) {
    await closeAll(closing).catch(() => undefined)
    throw error
  }
}

/**
 * Where commands that only read find the log of an app: in a data directory, through the process that
 * has it open where there is one, or on the brokers that a configuration names.
 */
import { join, resolve } from 'node:path'
import { performance } from 'node:perf_hooks'
import { setTimeout as pause } from 'node:timers/promises'
import { Option, type Command } from 'commander'
import type { Config } from '../config/schema.js'
import { TidemarkError } from '../errors.js'
import { KafkaLog } from '../log/kafka-log.js'
import { type EventLog, type Topics, topicsOf } from '../log/log.js'
import { configOf } from './config.js'
import { kafkaConnection } from './connections.js'
import { nonEmpty } from './flags.js'
import type { CliIo } from './io.js'
import { type LoadedApp, loadApp } from './load-app.js'
import { withArchive } from './open-archive.js'
import type { DataOwner } from './data-directory.js'
import { type Declared, openData, type OpenDataOptions } from './open-data.js'
import { openShared, type SharedData } from './open-shared.js'
import { openRegistry } from './schemas.js'
import { ownHistory } from './own-history.js'
import { DEFAULT_DATA_DIRECTORY } from './start-options.js'
import { closeAll, withEnd } from './with-end.js'

/** How long a directory may be locked by a process that does not serve it yet, or no longer. */
const lockPatienceMs = 5_000
const askAgainMs = 100
/** How often somebody who looks is told that it is the brokers who do not answer, in ms. */
const waitingEveryMs = 5_000
/** A worker waits for a registry as long as it takes; somebody who looks at a command does not. */
const registryPatienceMs = 10_000

export interface SourceFlags {
  readonly app?: string
  readonly data: string
  readonly config?: string
}

export interface OpenSource {
  readonly loaded: LoadedApp
  /** What the data directory says; null on brokers. */
  readonly owner: DataOwner | null
  readonly log: EventLog
  /** What the topics are named after: the app, behind a prefix where the configuration has one. */
  readonly name: string
  readonly topics: Topics
  /** Where bundles are kept that scores name. */
  readonly models: string
  close(): Promise<void>
}

/** `config` says what the configuration file names instead of a directory. */
export function addSourceFlags(
  command: Command,
  config = 'configuration file (YAML) that names brokers instead',
): Command {
  return command
    .option('--app <app>', 'churn, or the folder of an app', nonEmpty('an app'))
    .option('--data <dir>', 'data directory', nonEmpty('a directory'), DEFAULT_DATA_DIRECTORY)
    .addOption(
      new Option('--config <file>', config)
        .argParser(nonEmpty('a file'))
        .conflicts(['app', 'data']),
    )
}

/**
 * Opens the log, works, and closes it. Raises what `work`, `openShared`, `openData`, `loadConfig`,
 * `loadApp` and `KafkaLog.open` raise, and `STOPPED` (75) where `stop` ended it, whatever gave up for
 * that.
 */
export async function withSource<T>(
  flags: SourceFlags,
  io: CliIo,
  stop: AbortSignal,
  work: (data: OpenSource) => Promise<T>,
  declared?: Declared,
): Promise<T> {
  try {
    const data = await openSource(flags, io, stop, declared)
    return await withEnd(
      () => work(data),
      () => data.close(),
    )
  } catch (error) {
    stop.throwIfAborted()
    throw error
  }
}

async function openSource(
  flags: SourceFlags,
  io: CliIo,
  stop: AbortSignal,
  declared?: Declared,
): Promise<OpenSource> {
  if (flags.config !== undefined) {
    const { config, folder } = await configOf({ config: flags.config }, io)
    return openBrokers(config, folder, io, stop)
  }
  return openDirectory(resolve(io.cwd, flags.data), flags.app ?? null, io, declared)
}

/** A data directory: it has the snapshots too. */
export interface OpenDirectory extends OpenSource, Pick<SharedData, 'history'> {}

/**
 * Reads through the process that has the directory open, or opens it. Raises what `openShared` and
 * `openData` raise.
 */
export async function openDirectory(
  directory: string,
  app: string | null,
  io: CliIo,
  declared?: Declared,
): Promise<OpenDirectory> {
  const data = await openOrShare(directory, app, io, declared)
  const { name } = data.loaded.app
  return { ...data, name, topics: topicsOf(name) }
}

/**
 * Reads through the process that has the directory open, or opens it. One that is about to begin or
 * to end has the lock and does not answer: that is waited out.
 */
export async function openOrShare(
  directory: string,
  app: OpenDataOptions['app'],
  io: Pick<CliIo, 'cwd' | 'err'>,
  declared: Declared = 'asked',
): Promise<SharedData> {
  const { cwd } = io
  for (const until = performance.now() + lockPatienceMs; ;) {
    const shared = await openShared(directory, app, cwd, declared)
    if (shared !== null) return shared
    try {
      const data = await openData(directory, { app, cwd, declared, timeBase: null })
      const warn = (text: string): void => io.err(`tidemark: ${text}\n`)
      return { ...data, history: (customer) => ownHistory(directory, data, customer, warn) }
    } catch (error) {
      const isLocked = error instanceof TidemarkError && error.code === 'DIRECTORY_LOCKED'
      if (!isLocked || performance.now() >= until) throw error
    }
    await pause(askAgainMs)
  }
}

async function openBrokers(
  config: Config,
  folder: string,
  io: CliIo,
  stop: AbortSignal,
): Promise<OpenSource> {
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

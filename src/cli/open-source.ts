/**
 * Where commands that only read find the log of an app: in a data directory, through the process that
 * has it open where there is one, or on the brokers that a configuration names.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
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
import { bundlesOf, type LoadedApp, loadApp } from './load-app.js'
import { compileListed } from './listed-ids.js'
import { generationOf } from './generations.js'
import { GenerationsTopic } from './generations-topic.js'
import type { SchemaRegistry } from '../schemas/schemas.js'
import { withArchive } from './open-archive.js'
import type { DataOwner } from './data-directory.js'
import { type Declared, openData, type OpenDataOptions } from './open-data.js'
import { openShared, type SharedData } from './open-shared.js'
import { openRegistry } from './schemas.js'
import { ownHistory } from './own-history.js'
import { DEFAULT_DATA_DIRECTORY } from './start-options.js'
import { closeAll } from './with-end.js'

/** How long a directory may be locked by a process that does not serve it yet, or no longer. */
const lockPatienceMs = 5_000
const askAgainMs = 100

export interface SourceFlags {
  readonly app?: string
  readonly data: string
  readonly config?: string
}

export interface OpenSource {
  readonly loaded: LoadedApp
  /** What the data directory says, or the topic of generations; null: nothing is listed yet. */
  readonly owner: DataOwner | null
  readonly log: EventLog
  /** What the topics are named after: the app, behind a prefix where the configuration has one. */
  readonly name: string
  readonly topics: Topics
  /** Where bundles are kept that scores name. */
  readonly models: string
  /** Fetches the bundles that are listed beside the log; answers the folder, until it is closed. */
  readonly listedBundles?: () => Promise<string>
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

/** Raises what `openShared`, `openData`, `loadConfig`, `loadApp` and `KafkaLog.open` raise. */
export async function openSource(
  flags: SourceFlags,
  io: CliIo,
  declared?: Declared,
): Promise<OpenSource> {
  if (flags.config !== undefined) {
    const { config, folder } = await configOf({ config: flags.config }, io)
    return openBrokers(config, folder, io, declared)
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
  declared: Declared = 'asked',
): Promise<OpenSource> {
  const closing: (() => Promise<void>)[] = []
  try {
    const registry = await openRegistry(config, (text) => io.err(`tidemark: ${text}\n`))
    if (registry !== null) closing.push(() => registry.close())
    const named = await loadApp(config.app, folder, registry)
    const name = `${config.kafka.topicPrefix}${named.app.name}`
    const topics = topicsOf(name)
    const timeBase = { kind: config.kafka.timeBase }
    const log = await KafkaLog.open({
      ...kafkaConnection(config),
      topics: Object.values(topics),
      timeBase,
    })
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

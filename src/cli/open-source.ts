/**
 * Where commands that only read find the log of an app: in a data directory, through the process that
 * has it open where there is one, or on the brokers that a configuration names.
 */
import { resolve } from 'node:path'
import { performance } from 'node:perf_hooks'
import { setTimeout as pause } from 'node:timers/promises'
import { Option, type Command } from 'commander'
import { TidemarkError } from '../errors.js'
import { type EventLog, type Topics, topicsOf } from '../log/log.js'
import { nonEmpty } from './flags.js'
import type { CliIo } from './io.js'
import type { LoadedApp } from './load-app.js'
import type { DataOwner } from './data-directory.js'
import { type Declared, openData, type OpenDataOptions } from './open-data.js'
import { openShared, type SharedData } from './open-shared.js'
import { ownHistory } from './own-history.js'
import { DEFAULT_DATA_DIRECTORY } from './start-options.js'
import { withEnd } from './with-end.js'

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
    // Who reads a directory need not load three clients.
    const { openBrokers } = await import('./open-brokers.js')
    return openBrokers(flags.config, io, stop, declared)
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

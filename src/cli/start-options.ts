/** The flags of `tidemark start`, checked: what the composition gets is consistent. */
import { resolve } from 'node:path'
import { type Command, Option } from 'commander'
import { usageError } from '../errors.js'
import { nonEmpty, positiveNumber, speed, wholeNumber } from './flags.js'
import type { LogFormat } from './logger.js'

/** Where events come from. */
export type StartSource =
  /** What the directory already has; a new one with the built-in app gets the generator. */
  | { readonly kind: 'default' }
  /** `rate` in events per second of wall time; `speed` null is the generator's own. */
  | { readonly kind: 'generate'; readonly rate: number; readonly speed: number | null }
  | {
      readonly kind: 'files'
      readonly files: readonly string[]
      readonly sql: string
      readonly speed: number | 'max'
    }

export interface StartOptions {
  /** The built-in app's name or an app's folder; null: what the directory has, else `churn`. */
  readonly app: string | null
  /** Absolute, like all paths here. */
  readonly dataDirectory: string
  readonly port: number
  readonly source: StartSource
  readonly seed: number | null
  readonly modelDirectory: string | null
  readonly fallbackDirectory: string | null
  readonly exitWhenDone: boolean
  readonly json: boolean
  readonly logFormat: LogFormat
}

export const DEFAULT_DATA_DIRECTORY = '.tidemark-data'
/** The page's port, unless told otherwise. */
const DEFAULT_PORT = 8080

interface Flags {
  app?: string
  data: string
  port: number
  generate?: number
  from?: string[]
  sql?: string
  speed?: number | 'max'
  model?: string
  fallback?: string
  seed?: number
  exitWhenDone?: boolean
  json?: boolean
  logFormat: LogFormat
}

const rate = positiveNumber('a rate in events per second', 1_000_000)
const seed = wholeNumber('a seed', 0, 2 ** 32 - 1)
const port = wholeNumber('a port', 0, 65_535)

export function addStartFlags(command: Command): Command {
  return command
    .addOption(
      new Option('--app <app>', 'built-in app or app folder (default: churn)').argParser(
        nonEmpty('an app'),
      ),
    )
    .option('--data <dir>', 'data directory', nonEmpty('a directory'), DEFAULT_DATA_DIRECTORY)
    .option(
      '--port <port>',
      'port of the page on 127.0.0.1; 0 takes a free one',
      port,
      DEFAULT_PORT,
    )
    .addOption(
      new Option('--generate <rate>', 'made-up events of a subscription business, per second')
        .argParser(rate)
        .conflicts(['from', 'sql']),
    )
    .option('--from <file...>', 'CSV, Parquet or JSON files, gzip too')
    .option('--sql <file>', 'DuckDB SQL that makes events of the files', nonEmpty('a file'))
    .option('--speed <speed>', 'event time against wall time: 1000x, or max for files', speed)
    .option('--model <dir>', 'bundle of the model in force', nonEmpty('a directory'))
    .option(
      '--fallback <dir>',
      'bundle that answers where the model fails',
      nonEmpty('a directory'),
    )
    .option('--seed <n>', 'seed of the made-up events', seed)
    .option('--exit-when-done', 'stop when the input is read and everything due is committed')
    .option('--json', 'one JSON line on stdout when serving and when stopped')
    .addOption(
      new Option('--log-format <format>', 'log lines on stderr')
        .choices(['human', 'json'])
        .default('human'),
    )
}

/**
 * Options of parsed flags; relative paths are of the current folder.
 *
 * @throws TidemarkError FLAG_MISSING, FLAGS_EXCLUSIVE (exit 2)
 */
export function startOptions(flags: Flags, cwd: string): StartOptions {
  const path = (given: string | undefined) => (given === undefined ? null : resolve(cwd, given))
  return {
    app: flags.app ?? null,
    dataDirectory: resolve(cwd, flags.data),
    port: flags.port,
    source: sourceOf(flags, cwd),
    seed: flags.seed ?? null,
    modelDirectory: path(flags.model),
    fallbackDirectory: path(flags.fallback),
    exitWhenDone: flags.exitWhenDone ?? false,
    json: flags.json ?? false,
    logFormat: flags.logFormat,
  }
}

function sourceOf(flags: Flags, cwd: string): StartSource {
  const { from, sql, generate } = flags
  if (from !== undefined) {
    if (sql === undefined) throw usageError('FLAG_MISSING', '--from needs --sql')
    if (flags.seed !== undefined) {
      throw usageError('FLAGS_EXCLUSIVE', '--seed is for --generate; --from makes nothing up')
    }
    const files = from.map((file) => resolve(cwd, file))
    return { kind: 'files', files, sql: resolve(cwd, sql), speed: flags.speed ?? 'max' }
  }
  if (sql !== undefined) throw usageError('FLAG_MISSING', '--sql needs --from')
  if (generate !== undefined) {
    if (flags.speed === 'max') {
      throw usageError('FLAGS_EXCLUSIVE', '--speed max is for --from; --generate takes 4320x')
    }
    return { kind: 'generate', rate: generate, speed: flags.speed ?? null }
  }
  if (flags.speed !== undefined) {
    throw usageError('FLAG_MISSING', '--speed needs --generate or --from')
  }
  return { kind: 'default' }
}

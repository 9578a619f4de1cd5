/** `tidemark worker`: one member of the group that shares the partitions of an app on Kafka. */
import { type Command, Option } from 'commander'
import type { Config } from '../config/schema.js'
import { configFlag, configOf } from './config.js'
import type { CliIo } from './io.js'
import type { LogFormat } from './logger.js'
import { type Compose, runServed, type ServedOptions } from './start.js'
import { stoppable } from './stop.js'

export interface WorkerOptions extends ServedOptions {
  readonly config: Config
  /** Where it was read. */
  readonly configFile: string
  /** Of the configuration, to which an app's path is relative. */
  readonly folder: string
  /** Whether to run although the brokers delete what was not archived. */
  readonly noHistory: boolean
}

interface Flags {
  readonly config: string
  readonly history: boolean
  readonly json?: boolean
  readonly logFormat: LogFormat
}

/** Registers the command around a composition. */
export function workerCommand(
  compose: Compose<WorkerOptions>,
): (program: Command, io: CliIo) => void {
  return (program, io) => {
    program
      .command('worker')
      .description('one member of the consumer group: features and scores of its partitions')
      .addOption(configFlag())
      .option('--no-history', 'run although the brokers delete input that nothing else keeps')
      .option('--json', 'one JSON line on stdout when serving and when stopped')
      .addOption(
        new Option('--log-format <format>', 'log lines on stderr')
          .choices(['human', 'json'])
          .default('human'),
      )
      .action(async (flags: Flags) => {
        const { config, folder, path } = await configOf(flags, io)
        const options: WorkerOptions = {
          config,
          configFile: path,
          folder,
          noHistory: !flags.history,
          dataDirectory: config.data,
          host: config.http.host,
          port: config.http.port,
          json: flags.json ?? false,
          logFormat: flags.logFormat,
        }
        await stoppable(io, (stop) => runServed(options, io, compose, stop))
      })
  }
}

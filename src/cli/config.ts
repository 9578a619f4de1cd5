/** `tidemark config`: what a configuration says, and whether it can be used. */
import { Option, type Command } from 'commander'
import { stringify } from 'yaml'
import { loadConfig, type LoadedConfig } from '../config/load-config.js'
import { options } from '../config/options.js'
import { nonEmpty } from './flags.js'
import type { CliIo } from './io.js'

interface Flags {
  readonly config: string
  readonly json?: boolean
}

/** The flag of every command that runs on a configuration. */
export function configFlag(): Option {
  return new Option('--config <file>', 'configuration file (YAML)')
    .argParser(nonEmpty('a file'))
    .makeOptionMandatory()
}

/** The configuration that a command was given. Raises what `loadConfig` does. */
export function configOf(flags: Pick<Flags, 'config'>, io: CliIo): Promise<LoadedConfig> {
  return loadConfig(flags.config, io.cwd, io.environment)
}

export function configCommand(program: Command, io: CliIo): void {
  const config = program
    .command('config')
    .description('what a configuration says, and whether it can be used')
  config
    .command('check')
    .description(
      'read file and environment and tell all faults at once; exit 78 where there are any',
    )
    .addOption(configFlag())
    .action(async (flags: Flags) => {
      const { path } = await configOf(flags, io)
      io.out(`${path} is a whole configuration; tidemark doctor tries what it names\n`)
    })
  config
    .command('print')
    .description('all options as they are in force, secrets masked')
    .addOption(configFlag())
    .option('--json', 'as JSON instead of YAML')
    .action(async (flags: Flags) => {
      const loaded = await configOf(flags, io)
      const shown = shownConfig(loaded)
      io.out(flags.json ? `${JSON.stringify(shown)}\n` : stringify(shown))
    })
}

/** Secrets say `***` by themselves; certificates are named by their size. */
function shownConfig({ config }: LoadedConfig): unknown {
  const shown = JSON.parse(JSON.stringify(config)) as unknown
  for (const { path, file } of options) {
    if (file !== 'text') continue
    let parent = shown as Record<string, unknown> | null | undefined
    for (const part of path.slice(0, -1)) {
      parent = parent?.[part] as Record<string, unknown> | null | undefined
    }
    const name = path[path.length - 1]
    const value = parent?.[name]
    if (parent && typeof value === 'string' && value !== '***') {
      parent[name] = `${Buffer.byteLength(value)} bytes of a file`
    }
  }
  return shown
}

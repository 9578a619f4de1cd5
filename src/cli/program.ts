/**
 * The command line: one program, one file a command, errors mapped in one place.
 *
 * A command registers itself with `registerXCommand(program, io)`: it describes its flags and gives
 * an action that throws a TidemarkError where it fails. Flags are checked before anything is opened.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Command, type CommanderError } from 'commander'
import { exitCode, type ExitCode } from '../errors.js'
import { reportFailure } from './failure.js'
import type { CliIo } from './io.js'
import { packageFolder } from './package-folder.js'

export type RegisterCommand = (program: Command, io: CliIo) => void

/**
 * Runs one command line (without node and script) and answers the exit code; it never throws.
 *
 * @example await runProgram(['start', '--port', '0'], processIo(), [registerStartCommand])
 */
export async function runProgram(
  argv: readonly string[],
  io: CliIo,
  commands: readonly RegisterCommand[],
): Promise<ExitCode> {
  const program = new Command('tidemark')
    .description('Features and scores of every customer that are right now, from a log of events.')
    .version(version(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .configureOutput({ writeOut: io.out, writeErr: io.err, outputError: () => {} })
    .showSuggestionAfterError(true)
  for (const register of commands) register(program, io)

  let usage = usageOf(program)
  for (const command of allOf(program)) {
    command.exitOverride((error: CommanderError) => {
      usage = usageOf(command)
      throw error
    })
    command.hook('preAction', (_program, action) => {
      usage = usageOf(action)
    })
  }
  if (argv.length === 0) {
    // Called with nothing at all somebody wants to know what there is.
    io.err(program.helpInformation())
    return exitCode.usage
  }
  try {
    await program.parseAsync(argv, { from: 'user' })
    return exitCode.ok
  } catch (error) {
    return reportFailure(error, io, usage)
  }
}

/** The version of the package. */
export function version(): string {
  const text = readFileSync(join(packageFolder, 'package.json'), 'utf8')
  return (JSON.parse(text) as { version: string }).version
}

/** A command and those below it: `config` has `check` and `print`. */
function allOf(command: Command): Command[] {
  return [command, ...command.commands.flatMap(allOf)]
}

function usageOf(command: Command): string {
  let names = command.name()
  for (let at = command.parent; at !== null; at = at.parent) names = `${at.name()} ${names}`
  return `${names} ${command.usage()}`
}

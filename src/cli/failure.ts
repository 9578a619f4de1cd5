/** The one place where an error becomes a sentence on stderr and an exit code. */
import { CommanderError } from 'commander'
import { exitCode, TidemarkError, type ExitCode } from '../errors.js'
import type { CliIo } from './io.js'
import { stackOf } from './source-places.js'

/** What commander refuses, under codes of our own. */
const COMMANDER_CODES: Readonly<Record<string, string>> = {
  'commander.unknownOption': 'FLAG_UNKNOWN',
  'commander.unknownCommand': 'COMMAND_UNKNOWN',
  'commander.help': 'COMMAND_MISSING',
  'commander.invalidArgument': 'FLAG_INVALID',
  'commander.optionMissingArgument': 'FLAG_VALUE_MISSING',
  'commander.missingMandatoryOptionValue': 'FLAG_MISSING',
  'commander.missingArgument': 'ARGUMENT_MISSING',
  'commander.excessArguments': 'ARGUMENT_UNEXPECTED',
  'commander.conflictingOption': 'FLAGS_EXCLUSIVE',
}

/** What the operating system refuses and nobody gave a better name, all exit 74. */
const SYSTEM_CODES: Readonly<Record<string, readonly [code: string, text: string]>> = {
  ENOSPC: ['DISK_FULL', 'the disk is full'],
  EDQUOT: ['DISK_FULL', 'the disk quota is used up'],
  EACCES: ['FILE_FORBIDDEN', 'the file system denied access'],
  EPERM: ['FILE_FORBIDDEN', 'the operation is not permitted'],
  EROFS: ['FILE_FORBIDDEN', 'the file system is read-only'],
  EMFILE: ['FILES_EXHAUSTED', 'too many files are open; raise ulimit -n'],
  ENFILE: ['FILES_EXHAUSTED', 'the system has too many files open'],
  EIO: ['DISK_FAILED', 'the disk reported an error'],
}

/**
 * Tells the person and answers the exit code. `usage` is the line of the command that was asked
 * for; it follows an error of usage. What we did not expect is printed with its stack: exit 1.
 */
export function reportFailure(error: unknown, io: CliIo, usage: string): ExitCode {
  if (error instanceof CommanderError) return reportCommander(error, io, usage)
  if (error instanceof TidemarkError) {
    io.err(`tidemark: ${error.code}: ${error.message}\n`)
    if (error.exit === exitCode.usage) io.err(`usage: ${usage}\n`)
    return error.exit
  }
  const system = systemFailure(error)
  if (system !== null) {
    io.err(`tidemark: ${system}\n`)
    return exitCode.io
  }
  io.err(`tidemark: UNEXPECTED: this is our fault, please report it\n${stackOf(error)}\n`)
  return exitCode.bug
}

function reportCommander(error: CommanderError, io: CliIo, usage: string): ExitCode {
  // Help and version that were asked for have been printed already.
  if (error.exitCode === 0) return exitCode.ok
  const code = COMMANDER_CODES[error.code] ?? 'USAGE'
  const text =
    code === 'COMMAND_MISSING'
      ? 'a command is missing; tidemark --help lists them'
      : error.message.replace(/^error: /, '').replaceAll('\n', ' ')
  io.err(`tidemark: ${code}: ${text}\nusage: ${usage}\n`)
  return exitCode.usage
}

function systemFailure(error: unknown): string | null {
  if (!(error instanceof Error)) return null
  // An adapter may have wrapped it; the first cause with a known code tells.
  for (let at: unknown = error; at instanceof Error; at = at.cause) {
    const { code, path } = at as NodeJS.ErrnoException
    const known = code === undefined ? undefined : SYSTEM_CODES[code]
    if (known !== undefined) return `${known[0]}: ${known[1]}${path ? ` (${path})` : ''}`
  }
  return null
}

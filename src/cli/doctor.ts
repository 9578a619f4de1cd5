/** `tidemark doctor`: tries what a configuration names, and says which step of which way fails. */
import type { Command } from 'commander'
import { exitCode, TidemarkError } from '../errors.js'
import { configFlag, configOf } from './config.js'
import { examine, type Finding } from './doctor-checks.js'
import type { CliIo } from './io.js'

interface Flags {
  readonly config: string
  readonly json?: boolean
}

export function doctorCommand(program: Command, io: CliIo): void {
  program
    .command('doctor')
    .description('try all that a configuration names; exit 78 or 69 where something is wrong')
    .addOption(configFlag())
    .option('--json', 'the findings as JSON on stdout')
    .action((flags: Flags) => runDoctor(flags, io))
}

/**
 * Raises `DOCTOR_FOUND` behind the report: 78 where only a person can mend what is wrong, 69 where
 * a server has to come back. Changes nothing that stays.
 */
export async function runDoctor(flags: Flags, io: CliIo): Promise<void> {
  const loaded = await configOf(flags, io)
  const findings: Finding[] = []
  for await (const finding of examine(loaded)) {
    findings.push(finding)
    if (!flags.json) io.out(lineOf(finding))
  }
  if (flags.json) io.out(`${JSON.stringify({ findings })}\n`)
  const failed = findings.filter(({ ok }) => !ok)
  if (failed.length === 0) return
  const lasting = failed.some(({ isLasting }) => isLasting)
  const text = `${failed.length} of ${findings.length} checks failed`
  throw new TidemarkError('DOCTOR_FOUND', text, {
    exit: lasting ? exitCode.configuration : exitCode.dependency,
    retry: lasting ? 'never' : 'later',
  })
}

/** Wide enough for what usually stands there, so that the eye finds its column. */
function lineOf({ part, subject, step, ok, text }: Finding): string {
  const verdict = ok ? 'ok    ' : 'FAILED'
  return `${part.padEnd(9)} ${step.padEnd(6)} ${verdict} ${subject}: ${text}\n`
}

/** `tidemark history`: the steps that led to a customer's score, newest first. */
import { resolve } from 'node:path'
import type { Command } from 'commander'
import { OutputChanges } from '../events/output-changes.js'
import { OutputRows } from '../events/output-rows.js'
import { generatorRun } from '../ingest/generate.js'
import { type CustomerHistory, type HistoryStep, STEPS_MAX, stepsOf } from '../serving/history.js'
import { customerNotFound } from './customer-not-found.js'
import { customerId, wholeNumber } from './flags.js'
import type { CliIo } from './io.js'
import { layoutOf } from './layout.js'
import { addSourceFlags, openDirectory, type SourceFlags } from './open-source.js'
import { numberText, valueText } from './texts.js'
import { withEnd } from './with-end.js'

interface Flags extends SourceFlags {
  readonly limit: number
  readonly json?: boolean
}

export function historyCommand(program: Command, io: CliIo): void {
  addSourceFlags(program.command('history'), 'configuration file (YAML) that names Redis instead')
    .description('tell the steps that led to a customer’s score, newest first')
    .argument('<customer>', 'id of the customer', customerId)
    .option(
      '--limit <n>',
      'at most so many steps',
      wholeNumber('a number of steps', 1, STEPS_MAX),
      STEPS_MAX,
    )
    .option('--json', 'the steps as one JSON object on stdout')
    .addHelpText('after', '\nExample:\n  tidemark history c0000001 --limit 5')
    .action((customer: string, flags: Flags) => runHistory(customer, flags, io))
}

/**
 * Prints the history. Raises `CUSTOMER_NOT_FOUND` (74), `REDIS_MISSING` (78), and what
 * `openDirectory` and `inRedis` raise.
 */
export async function runHistory(customer: string, flags: Flags, io: CliIo): Promise<void> {
  const history = await (flags.config === undefined
    ? inDirectory(customer, flags, io)
    : (await import('./redis-history.js')).inRedis(customer, flags.config, flags.limit, io))
  io.out(flags.json ? `${JSON.stringify(history)}\n` : historyText(history))
}

async function inDirectory(customer: string, flags: Flags, io: CliIo): Promise<CustomerHistory> {
  const data = await openDirectory(resolve(io.cwd, flags.data), flags.app ?? null, io)
  return withEnd(
    async () => {
      const { app } = data.loaded
      const found = await data.history(customer)
      if (found === null) throw customerNotFound(customer)
      const layout = layoutOf(app)
      const row = new OutputRows(layout).decodeFeatures(found.row)
      const changes = found.changes.map(({ bytes }) => bytes)
      const steps = stepsOf({ row, changes }, new OutputChanges(layout), flags.limit)
      const synthetic = app.synthetic || (await generatorRun(data.log, data.name)) !== null
      return { customer, steps, synthetic }
    },
    () => data.close(),
  )
}

/** What a person reads: a step of a few lines each. */
export function historyText({ customer, steps, synthetic }: CustomerHistory): string {
  const made = synthetic ? ', synthetic data' : ''
  const count = `${steps.length} ${steps.length === 1 ? 'step' : 'steps'}`
  const head = `${JSON.stringify(customer)}: ${count}, newest first${made}`
  return `${[head, ...steps.map(stepText)].join('\n\n')}\n`
}

const reasons = { event: 'an event', time: 'time alone', rescore: 'scored again' } as const

function stepText(step: HistoryStep): string {
  const { asOf, cause, retired, changed, features, coordinates } = step
  const { topic, partition, endOffset, commit } = coordinates
  const lines = [`${asOf}  ${reasons[cause]}${retired ? ', retired' : ''}`, scoreText(step.score)]
  for (const { feature, from, to } of changed ?? []) {
    lines.push(`${feature}: ${valueText(from)} → ${valueText(to)}`)
  }
  if (changed?.length === 0) lines.push('no feature moved')
  if (changed === null) lines.push('the oldest step that is kept; the features:')
  for (const [feature, value] of Object.entries(features ?? {})) {
    lines.push(`${feature}: ${valueText(value)}`)
  }
  lines.push(`commit ${commit}: ${topic} ${partition} before offset ${endOffset}`)
  return lines.join('\n  ')
}

function scoreText(score: HistoryStep['score']): string {
  if (score === null) return 'no score'
  const { probability, risk, movedBy } = score
  if (probability === null) return `score none, risk ${risk}`
  const now = `${numberText(probability)}, risk ${risk}`
  return movedBy === null ? `score ${now}` : `score ${numberText(probability - movedBy)} → ${now}`
}

/** `tidemark explain`: a customer's features at an instant, and the events behind them. */
import { type Command, InvalidArgumentError } from 'commander'
import type { ScoreFields } from '../events/output-rows.js'
import { partitionOf } from '../events/partition.js'
import { generatorRun } from '../ingest/generate.js'
import { scoreFields } from '../operators/deliver.js'
import type { Position } from '../operators/position.js'
import { parseInstant } from '../replay/cutoffs.js'
import { type Explained, explain } from '../replay/explain.js'
import { originOf } from '../replay/origin.js'
import { GuardedScorer } from '../scoring/guarded-scorer.js'
import { noBundle } from '../scoring/no-model.js'
import { committedPosition } from '../topology/committed-position.js'
import { findScorer } from './find-scorer.js'
import { generationPart } from './generations.js'
import { customerId, wholeNumber } from './flags.js'
import { customerNotFound } from './customer-not-found.js'
import type { CliIo } from './io.js'
import { layoutOf } from './layout.js'
import { addSourceFlags, type OpenSource, type SourceFlags, withSource } from './open-source.js'
import { Progress } from './progress.js'
import { stoppable } from './stop.js'
import { instantText, numberText, plainText, valueText } from './texts.js'

interface Flags extends SourceFlags {
  readonly asOf?: number
  readonly events: number
  readonly json?: boolean
}

export function explainCommand(program: Command, io: CliIo): void {
  addSourceFlags(program.command('explain'))
    .description('a customer’s features at an instant, until when they hold, and the events behind')
    .argument('<customer>', 'id of the customer', customerId)
    .option('--as-of <instant>', 'as it was known then; without it: at the newest commit', instant)
    .option(
      '--events <n>',
      'at most so many events, the newest',
      wholeNumber('a number of events', 0, 1000),
      10,
    )
    .option('--json', 'as one JSON object on stdout')
    .addHelpText('after', '\nExample:\n  tidemark explain c0000001 --as-of 2025-03-01')
    .action((customer: string, flags: Flags) =>
      stoppable(io, (stop) => runExplain(customer, flags, io, stop)),
    )
}

/** Prints it. Raises `CUSTOMER_NOT_FOUND` (74), and what `withSource`, `originOf` and the log raise. */
export async function runExplain(
  customer: string,
  flags: Flags,
  io: CliIo,
  stop: AbortSignal,
): Promise<void> {
  const told = await withSource(flags, io, stop, (data) =>
    explanation(data, customer, flags, io, stop),
  )
  io.out(flags.json ? `${JSON.stringify(told)}\n` : explanationText(told))
}

async function explanation(
  data: OpenSource,
  customer: string,
  flags: Flags,
  io: CliIo,
  signal: AbortSignal,
) {
  const { log, topics, loaded } = data
  const { app } = loaded
  const topic = topics.events
  const partition = partitionOf(Buffer.from(customer), log.partitions(topic))
  const position = await committedPosition(
    { log, topics, layout: layoutOf(app), ...generationPart(data.owner) },
    partition,
  )
  const asOf = flags.asOf ?? position?.asOf
  const whole = flags.asOf === undefined
  const isPrefixCommitted = whole && position !== null
  const endOffset = isPrefixCommitted ? position.endOffset : await log.endOffset(topic, partition)
  const progress = new Progress(io, 'explain', 'records')
  const origin = await originOf(log, topics, partition)
  const explained = await explain({
    app,
    log,
    topic,
    partition,
    customer,
    origin,
    endOffset,
    at: asOf === undefined ? null : { asOf, whole },
    signal,
    onProgress: (records) => progress.update(records, endOffset - origin),
  })
  progress.clear()
  if (explained === null) throw customerNotFound(customer, flags.asOf)
  const { events, features } = explained
  return {
    customer,
    features: features.map(({ validUntil, from, ...feature }) => ({
      ...feature,
      validUntil: isoOrNull(validUntil),
      from: isoOrNull(from),
    })),
    score: await scored(explained, position, data),
    validUntil: isoOrNull(explained.validUntil),
    eligible: explained.eligible,
    retired: explained.retired,
    events: events.slice(0, flags.events).map(({ event, features: readBy }) => ({
      type: app.engine.types[event.type],
      occurredAt: instantText(event.body.occurred_at),
      offset: event.offset,
      readBy,
      fields: event.body,
    })),
    eventsInAll: events.length,
    coordinates: {
      topic,
      partition,
      endOffset,
      asOf: instantText(explained.asOf),
      commit: isPrefixCommitted ? position.commit : null,
    },
    synthetic: app.synthetic || (await generatorRun(log, data.name)) !== null,
  }
}

type Explanation = Awaited<ReturnType<typeof explanation>>

interface Score extends Pick<ScoreFields, 'probability' | 'risk' | 'decision'> {
  readonly bundle: { readonly name: string; readonly version: string; readonly hash: string }
}

/** By the model that is in force now; null where there is none, or its bundle is not at hand. */
async function scored(
  { rows }: Explained,
  position: Position | null,
  data: OpenSource,
): Promise<Score | null> {
  if (position === null || position.model.hash === noBundle.hash) return null
  const { models: kept, loaded } = data
  const { columns } = loaded.app.engine
  const place = { kept, roots: [loaded.bundles], columns }
  const scorer = await findScorer(position.model.hash, place)
  if (scorer === null) return null
  try {
    const nobody = { scored: () => undefined, degraded: () => undefined }
    const scores = await new GuardedScorer(scorer, null, nobody).score(rows)
    const { probability, risk, decision } = scoreFields(scores, 0)
    return { probability, risk, decision, bundle: position.model }
  } finally {
    await scorer.close()
  }
}

function explanationText(told: Explanation): string {
  const { customer, features, score, events, eventsInAll, coordinates, synthetic } = told
  const { topic, partition, endOffset, asOf, commit } = coordinates
  const state = [told.retired ? 'retired' : '', synthetic ? 'synthetic data' : '']
  const notes = state.filter((note) => note !== '').map((note) => `, ${note}`)
  const at = commit === null ? '' : `, commit ${commit}`
  const rows = features.map((feature) => [
    feature.name,
    valueText(feature.value),
    feature.validUntil ?? 'no end by time',
    `${feature.events} from ${feature.from ?? 'the first'}`,
  ])
  const lines = [
    `${JSON.stringify(customer)} as of ${asOf}${notes.join('')}`,
    `${topic} ${partition} before offset ${endOffset}${at}`,
    scoreText(score),
    '',
    ...columns([['feature', 'value', 'holds until', 'events'], ...rows]),
    '',
    `the newest ${events.length} of ${eventsInAll} events behind them`,
    ...events.map(eventText),
  ]
  return `${lines.join('\n')}\n`
}

function scoreText(score: Score | null): string {
  if (score === null) return 'no score: no model is in force, or its bundle is not at hand'
  const { probability, risk, bundle } = score
  const value = probability === null ? 'none' : numberText(probability)
  return `score ${value}, risk ${risk}, by ${bundle.name}/${bundle.version}, the model in force`
}

function eventText(event: Explanation['events'][number]): string {
  const { type, occurredAt, offset, readBy } = event
  const { customer_id: _, occurred_at: __, ...own } = event.fields
  const fields = Object.entries(own)
    .filter(([, value]) => value !== null)
    .map(([name, value]) => `${name} ${plainText(valueText(value))}`)
  const head = `${occurredAt}  ${type}, offset ${offset}: ${fields.join(', ')}`
  return `  ${head}\n    read by ${readBy.join(', ')}`
}

/** Rows of texts, each column as wide as its longest. */
function columns(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)))
  return rows.map((row) =>
    `  ${row.map((text, column) => text.padEnd(widths[column])).join('  ')}`.trimEnd(),
  )
}

function isoOrNull(instant: number | null): string | null {
  return instant === null ? null : instantText(instant)
}

/** @example instant('2011-03-01T12:00Z') // 1298980800000 */
function instant(text: string): number {
  const ms = parseInstant(text)
  if (ms !== null) return ms
  throw new InvalidArgumentError('an instant is written 2011-03-01 or 2011-03-01T12:00Z.')
}

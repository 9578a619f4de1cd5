/**
 * One customer at one instant, from the log: the values of his features, until when each holds, and
 * the events that they read.
 *
 * E1 The decisions and the values are those of a replay (`decide.ts`, `customer-replay.ts`), and so
 *    those of the engine.
 * E2 The customer's own events are in memory, as far as `historyBytesMax` goes, and of the others what
 *    a replay remembers of each.
 */
import type { App } from '../features/app.js'
import type { FeatureEngine } from '../features/engine.js'
import { compile } from '../features/compile.js'
import type { FeatureSet } from '../features/declare.js'
import { FeatureRows } from '../features/rows.js'
import { ioError, type TidemarkError } from '../errors.js'
import type { FeatureSpec } from '../features/spec.js'
import type { EventLog, StoredRecord } from '../log/log.js'
import type { Ask } from './asked.js'
import { beginOf, readerOf, readingsOf } from './behind.js'
import { CustomerReplay } from './customer-replay.js'
import { Decider } from './decide.js'
import type { PastEvent } from './history.js'
import { readPartition } from './read-log.js'

/** Of one customer's events: about a million small ones, and twice as much memory. */
const historyBytesMax = 512 * 1024 * 1024
/** What an event costs beside the bytes of its record. */
const eventBytes = 512

export interface ExplainOptions {
  readonly app: Pick<App, 'codec' | 'rules' | 'engine' | 'declared'>
  readonly log: EventLog
  /** The events. */
  readonly topic: string
  readonly partition: number
  readonly customer: string
  /** Offset at which prefixes begin, inclusive. */
  readonly origin: number
  /** Exclusive. */
  readonly endOffset: number
  /**
   * The instant, ms UTC, and whether all of the prefix may be seen or only what had been logged
   * by then; null: the log clock, and all of it.
   */
  readonly at: { readonly asOf: number; readonly whole: boolean } | null
  /** @default 512 MiB, each event counted with 512 bytes more than its record */
  readonly historyBytesMax?: number
  readonly signal: AbortSignal
  readonly onProgress: (records: number) => void
}

export interface ExplainedFeature {
  readonly name: string
  readonly value: number | string | null
  /** First instant (ms UTC) at which it may change by time alone; null: never. */
  readonly validUntil: number | null
  /** Where the longest of its windows begins (ms UTC, inclusive); null: with the first event. */
  readonly from: number | null
  /** How many events it reads. */
  readonly events: number
}

export interface Explained {
  readonly asOf: number
  /** Exclusive. */
  readonly endOffset: number
  readonly retired: boolean
  readonly eligible: boolean
  /** As `ExplainedFeature` has it, of the whole row. */
  readonly validUntil: number | null
  readonly features: readonly ExplainedFeature[]
  /** The events that any feature reads, newest first. */
  readonly events: readonly ReadEvent[]
  /** The row, for a score. */
  readonly rows: FeatureRows
}

export interface ReadEvent {
  readonly event: PastEvent
  /** Names of the features that read it. */
  readonly features: readonly string[]
}

/**
 * Null where the customer has no visible event then. Raises `HISTORY_TOO_LARGE` (74), and what the log
 * and the signal raise.
 */
export async function explain(options: ExplainOptions): Promise<Explained | null> {
  const { app, customer, partition, endOffset, at } = options
  const { history, logClock } = await historyOf(options)
  const asOf = at?.asOf ?? logClock
  const prefix = at === null || at.whole ? { partition, endOffset } : null
  const ask: Ask = { customer, asOf, prefix, row: 0 }
  const { engine } = app
  const replay = new CustomerReplay(engine, history, 'known')
  const aggregates = replay.at(ask)
  if (!engine.seen(aggregates)) return null
  const rows = new FeatureRows(engine.columns)
  const row = rows.add(customer, 'event')
  engine.read(aggregates, asOf, rows, row)
  const visible = replay.visible(ask)
  const { declared } = app
  const readers = declared.spec.features.map((feature) => ({
    name: feature.name,
    reads: readerOf(feature.expression, engine.types, asOf),
  }))
  const events = visible
    .map((event) => ({
      event,
      features: readers.filter(({ reads }) => reads(event)).map(({ name }) => name),
    }))
    .filter(({ features }) => features.length > 0)
    .sort(({ event: a }, { event: b }) => newestFirst(a, b))
  const features = declared.spec.features.map((feature) => ({
    ...explainedAlone(feature, declared, history, ask),
    from: beginOfLongest(feature, asOf),
    events: events.filter(({ features: names }) => names.includes(feature.name)).length,
  }))
  return {
    asOf,
    endOffset,
    retired: rows.retired[row],
    eligible: rows.eligible[row],
    validUntil: finite(rows.validUntil[row]),
    features,
    events,
    rows,
  }
}

/** Decides the partition's log, and keeps what is the customer's. */
async function historyOf(options: ExplainOptions) {
  const { app, log, topic, partition, customer, origin, endOffset, at, signal } = options
  const erasures = await log.erasures(topic, partition, endOffset)
  const partitions = log.partitions(topic)
  const decider = new Decider(app, erasures, { partition, partitions })
  const history: PastEvent[] = []
  const bytesMax = options.historyBytesMax ?? historyBytesMax
  let bytes = 0
  let records = 0
  for await (const portion of readPartition(log, topic, partition, endOffset, origin)) {
    signal.throwIfAborted()
    await app.codec.learn?.(portion)
    for (const record of portion) {
      const { item, logTime, visible } = decider.decide(record)
      if (at !== null && !at.whole && logTime >= at.asOf) {
        // Log time never goes back: nothing from here on was known then.
        return { history, logClock: decider.progress.logClock }
      }
      if (!visible || item.customer !== customer) continue
      if (item.outcome !== 'accepted' && item.outcome !== 'late') continue
      bytes += bytesOf(record)
      if (bytes > bytesMax) throw tooLarge(customer, bytesMax)
      const late = item.outcome === 'late'
      const { type, body } = item
      history.push({ type, body: body!, partition, offset: record.offset, logTime, late })
    }
    records += portion.length
    options.onProgress(records)
  }
  return { history, logClock: decider.progress.logClock }
}

function bytesOf({ value }: StoredRecord): number {
  return eventBytes + (value?.length ?? 0)
}

function tooLarge(customer: string, bytesMax: number): TidemarkError {
  const most = `${Math.floor(bytesMax / 1024 / 1024)} MiB`
  const text = `the events of customer ${JSON.stringify(customer)} pass ${most} of memory`
  return ioError('HISTORY_TOO_LARGE', `${text}; an earlier --as-of reads fewer of them`)
}

/** A feature as the only one of its set: then the row's `validUntil` is its own. */
function explainedAlone(
  feature: FeatureSpec,
  { spec, schemas }: FeatureSet,
  history: readonly PastEvent[],
  ask: Ask,
): Pick<ExplainedFeature, 'name' | 'value' | 'validUntil'> {
  const features = { ...spec, features: [feature] }
  const engine = compile({ features, schemas, eligible: null, rules: [] })
  const aggregates = new CustomerReplay(engine, history, 'known').at(ask)
  const { asOf } = ask
  const rows = new FeatureRows(engine.columns)
  const value = valueAt(engine, aggregates, asOf, rows)
  let validUntil = rows.validUntil[0]
  // Retiring ends a row and changes no value: what comes behind it is the feature's own.
  if (validUntil === aggregates.newest + engine.retireAfterMs && validUntil > asOf) {
    const later = new FeatureRows(engine.columns)
    if (valueAt(engine, aggregates, validUntil, later) === value) [validUntil] = later.validUntil
  }
  return { name: feature.name, value, validUntil: finite(validUntil) }
}

function valueAt(
  engine: FeatureEngine,
  aggregates: ReturnType<FeatureEngine['newAggregates']>,
  asOf: number,
  rows: FeatureRows,
): number | string | null {
  const row = rows.add('', 'event')
  engine.read(aggregates, asOf, rows, row)
  if (rows.stringCount === 1) return rows.strings[row]
  const [value] = rows.numbers
  return Number.isNaN(value) ? null : value
}

function beginOfLongest({ expression }: FeatureSpec, asOf: number): number | null {
  let begin = Infinity
  for (const { window } of readingsOf(expression)) {
    if (window === null) return null
    begin = Math.min(begin, beginOf(window, asOf))
  }
  return begin
}

function newestFirst(a: PastEvent, b: PastEvent): number {
  return b.body.occurred_at - a.body.occurred_at || b.offset - a.offset
}

function finite(instant: number): number | null {
  return Number.isFinite(instant) ? instant : null
}

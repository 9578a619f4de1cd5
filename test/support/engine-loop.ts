/**
 * The engine driven by the plainest loop there is: judge in log order, then customer by customer
 * update with what is visible and read at each asked instant. No batches, no store, no log.
 */
import type { Aggregates, FeatureEngine, Judged, Verdict } from '../../src/features/engine.js'
import { FeatureRows } from '../../src/features/rows.js'
import type { NaiveAsk, NaiveRecord, NaiveValue, Visibility } from './naive.js'

export interface Judgement {
  readonly record: NaiveRecord
  readonly verdict: Verdict | 'rejected'
  readonly logTime: number
  /** Log clock after the record. */
  readonly clock: number
}

export interface EngineRow {
  readonly values: readonly NaiveValue[]
  readonly seen: boolean
  readonly eligible: boolean
  readonly retired: boolean
  readonly validUntil: number
}

const futureMs = 300_000

/** Decides on all records of a topic, in their order. */
export function judgeAll(engine: FeatureEngine, records: readonly NaiveRecord[]): Judgement[] {
  const partitions = new Map<number, { clock: number; logTime: number }>()
  const customers = new Map<string, Judged>()
  return records.map((record) => {
    const { partition, loggedAt, body } = record
    const progress = partitions.get(partition) ?? { clock: 0, logTime: 0 }
    partitions.set(partition, progress)
    progress.logTime = Math.max(progress.logTime, loggedAt)
    if (record.rejected === true || body.occurred_at > loggedAt + futureMs) {
      return { record, verdict: 'rejected', ...progress }
    }
    progress.clock = Math.max(progress.clock, body.occurred_at + 1)
    const judged = customers.get(body.customer_id) ?? engine.newJudged()
    customers.set(body.customer_id, judged)
    const verdict = engine.judge(progress.clock, judged, typeOf(engine, record), body)
    return { record, verdict, ...progress }
  })
}

/** The rows due for what was asked, in the order asked. */
export function replayRows(
  engine: FeatureEngine,
  judgements: readonly Judgement[],
  asks: readonly NaiveAsk[],
  visibility: Visibility,
): EngineRow[] {
  const histories = new Map<string, Judgement[]>()
  for (const judgement of judgements) {
    const { verdict, record } = judgement
    const counts = verdict === 'accepted' || (visibility === 'happened' && verdict === 'late')
    if (!counts) continue
    const history = histories.get(record.body.customer_id)
    if (history === undefined) histories.set(record.body.customer_id, [judgement])
    else history.push(judgement)
  }
  const rows: EngineRow[] = []
  const states = new Map<string, { aggregates: Aggregates; waiting: Judgement[] }>()
  const inTime = asks.map((ask, place) => ({ ask, place })).sort((a, b) => a.ask.asOf - b.ask.asOf)
  for (const { ask, place } of inTime) {
    const { customer, asOf } = ask
    const state = states.get(customer) ?? {
      aggregates: engine.newAggregates(),
      waiting: histories.get(customer) ?? [],
    }
    states.set(customer, state)
    state.waiting = state.waiting.filter(({ record, logTime }) => {
      const visible =
        record.body.occurred_at < asOf && (visibility === 'happened' || logTime < asOf)
      if (visible) apply(engine, state.aggregates, record, asOf)
      return !visible
    })
    rows[place] = readRow(engine, state.aggregates, asOf)
  }
  return rows
}

export function apply(
  engine: FeatureEngine,
  aggregates: Aggregates,
  record: NaiveRecord,
  keepFrom: number,
): void {
  engine.update(aggregates, typeOf(engine, record), record.body, record.offset, keepFrom)
}

function typeOf(engine: FeatureEngine, record: NaiveRecord): number {
  const type = engine.types.indexOf(record.type)
  if (type < 0) throw new TypeError(`the engine has no type ${record.type}`)
  return type
}

/** One row as plain values, in declared order. */
export function readRow(engine: FeatureEngine, aggregates: Aggregates, asOf: number): EngineRow {
  const rows = new FeatureRows(engine.columns)
  const row = rows.add('', 'event')
  engine.read(aggregates, asOf, rows, row)
  let number = row * rows.numericCount
  let string = row * rows.stringCount
  const values = engine.columns.map((column): NaiveValue => {
    if (column.type === 'string') return rows.strings[string++] ?? null
    const value = rows.numbers[number++]
    return Number.isNaN(value) ? null : value
  })
  return {
    values,
    seen: engine.seen(aggregates),
    eligible: rows.eligible[row],
    retired: rows.retired[row],
    validUntil: rows.validUntil[row],
  }
}

/** The engine driven by hand, as the topology would: for tests of the feature functions alone. */
import type { EventBody } from '../../src/events/event.js'
import type { Aggregates, FeatureEngine } from '../../src/features/engine.js'
import { FeatureRows } from '../../src/features/rows.js'
import type { NaiveValue, VisibleEvent } from './naive.js'

export interface EngineRow {
  readonly values: readonly NaiveValue[]
  readonly validUntil: number
  readonly retired: boolean
  readonly eligible: boolean
}

/** Feeds events in the order given; nothing is pruned that `keepFrom` can still reach. */
export function aggregate(
  engine: FeatureEngine,
  events: readonly VisibleEvent[],
  keepFrom: number,
  into: Aggregates = engine.newAggregates(),
): Aggregates {
  for (const { type, body, offset } of events) {
    engine.update(into, engine.types.indexOf(type), body as EventBody, offset, keepFrom)
  }
  return into
}

/** The row at `asOf`, in declared order. */
export function rowOf(engine: FeatureEngine, aggregates: Aggregates, asOf: number): EngineRow {
  const rows = new FeatureRows(engine.columns)
  const row = rows.add('c', 'event')
  engine.read(aggregates, asOf, rows, row)
  let number = 0
  let text = 0
  const values = engine.columns.map(({ type }) => {
    if (type === 'string') return rows.strings[text++] ?? null
    const value = rows.numbers[number++] as number
    return Number.isNaN(value) ? null : value
  })
  return {
    values,
    validUntil: rows.validUntil[row] as number,
    retired: rows.retired[row] as boolean,
    eligible: rows.eligible[row] as boolean,
  }
}

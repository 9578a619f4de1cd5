/**
 * What becomes of each record, in log order within its partition: log time, future check, log clock,
 * duplicate, late.
 */
import type { FeatureExpression, FeatureSetSpec } from '../../../src/features/spec.js'

export type NaiveBody = { readonly occurred_at: number; readonly [field: string]: unknown }

/** A record of the log as a test tells it; a partition's offsets grow. */
export interface NaiveRecord {
  readonly partition: number
  readonly offset: number
  /** The record timestamp in ms. */
  readonly loggedAt: number
  readonly type: string
  readonly body: NaiveBody & { readonly event_id: string; readonly customer_id: string }
  /** A data rule refused it: it counts for log time and nothing else. */
  readonly rejected?: boolean
}

export type NaiveOutcome = 'accepted' | 'late' | 'duplicate' | 'rejected'

export interface Decision {
  readonly record: NaiveRecord
  readonly outcome: NaiveOutcome
  /** Running maximum of the record timestamps, this one included. */
  readonly logTime: number
  /** Log clock after this record; −Infinity before the first valid one. */
  readonly clock: number
  /** Events of this type older than this are late at this clock; −Infinity: never. */
  readonly bound: number
}

/** A span of the past: null is the whole history. */
interface Reading {
  readonly event: string
  readonly window: { readonly lengthMs: number; readonly tileMs: number } | null
}

const futureMs = 5 * 60 * 1000
const duplicateMs = 24 * 60 * 60 * 1000
const idsMax = 1024

/** Each window through which an expression reads a type of event. */
export function readingsOf(expression: FeatureExpression): Reading[] {
  if (expression.kind === 'ratio') {
    return [...readingsOf(expression.numerator), ...readingsOf(expression.denominator)]
  }
  const event = expression.source.event
  if (expression.kind === 'tenure') return [{ event, window: null }]
  if (expression.kind === 'change') {
    return [
      { event, window: expression.window },
      { event, window: expression.against },
    ]
  }
  return [{ event, window: expression.window }]
}

/** `floor_g(t − w)`: the first instant that a window asked at t covers. */
export function tailOf(at: number, window: { lengthMs: number; tileMs: number }): number {
  return Math.floor((at - window.lengthMs) / window.tileMs) * window.tileMs
}

/** Below this instant an event of the type is late at `clock`. */
function boundOf(readings: readonly Reading[], type: string, clock: number): number {
  const tails = readings
    .filter((reading) => reading.event === type)
    .map((reading) => (reading.window === null ? -Infinity : tailOf(clock, reading.window)))
  return tails.length === 0 ? -Infinity : Math.min(...tails)
}

/** Decides on every record; only features make late. The order is that of the records. */
export function decide(records: readonly NaiveRecord[], spec: FeatureSetSpec): Decision[] {
  const readings = spec.features.flatMap((feature) => readingsOf(feature.expression))
  const logTimes = new Map<number, number>()
  const clocks = new Map<number, number>()
  const sights = new Map<string, Map<string, number>>()

  return records.map((record) => {
    const { partition, loggedAt, type, body } = record
    const logTime = Math.max(logTimes.get(partition) ?? -Infinity, loggedAt)
    logTimes.set(partition, logTime)
    const before = clocks.get(partition) ?? -Infinity
    if (record.rejected === true || body.occurred_at > loggedAt + futureMs) {
      return { record, outcome: 'rejected', logTime, clock: before, bound: -Infinity }
    }
    const clock = Math.max(before, body.occurred_at + 1)
    clocks.set(partition, clock)
    const bound = boundOf(readings, type, clock)
    // In the order of first sights, so the oldest come first. A sight that is 24 h old is none any
    // more: the id may then be seen for a first time again.
    const seen = sights.get(body.customer_id) ?? new Map<string, number>()
    sights.set(body.customer_id, seen)
    for (const [id, sight] of seen) {
      if (clock - sight < duplicateMs) break
      seen.delete(id)
    }
    if (seen.has(body.event_id)) return { record, outcome: 'duplicate', logTime, clock, bound }
    seen.set(body.event_id, clock)
    if (seen.size > idsMax) seen.delete(seen.keys().next().value as string)
    const outcome = body.occurred_at < bound ? 'late' : 'accepted'
    return { record, outcome, logTime, clock, bound }
  })
}

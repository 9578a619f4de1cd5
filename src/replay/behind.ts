/** Which of a customer's events a feature reads at an instant. */
import { conditionOf } from '../features/extract.js'
import type { FeatureExpression, SourceSpec, WindowSpec } from '../features/spec.js'
import type { PastEvent } from './history.js'

/** One source of a feature, in one window: `[from, to)` in ms UTC, from null: all before. */
export interface Reading {
  readonly source: SourceSpec
  readonly window: WindowSpec | null
}

/** All that an expression reads; of a change and of a ratio there are several. */
export function readingsOf(expression: FeatureExpression): Reading[] {
  if (expression.kind === 'ratio') {
    return [expression.numerator, expression.denominator].flatMap(readingsOf)
  }
  const { source } = expression
  if (expression.kind === 'tenure') return [{ source, window: null }]
  if (expression.kind !== 'change') return [{ source, window: expression.window }]
  return [expression.window, expression.against].map((window) => ({ source, window }))
}

/** First instant (ms UTC) that a window reaches at `asOf`: outward to a whole tile. */
export function beginOf({ lengthMs, tileMs }: WindowSpec, asOf: number): number {
  return Math.floor((asOf - lengthMs) / tileMs) * tileMs
}

/**
 * Whether a feature reads an event that is visible at `asOf`. `types`: names of event types by
 * number.
 *
 * @example events.filter(readerOf(expression, engine.types, asOf))
 */
export function readerOf(
  expression: FeatureExpression,
  types: readonly string[],
  asOf: number,
): (event: PastEvent) => boolean {
  const readers = readingsOf(expression).map(({ source, window }) => {
    const type = types.indexOf(source.event)
    const from = window === null ? -Infinity : beginOf(window, asOf)
    const holds = conditionOf(source.where)
    const { field } = source
    return ({ type: own, body }: PastEvent): boolean => {
      if (own !== type || body.occurred_at < from || !holds(body)) return false
      const value = field === null ? 0 : (body[field] ?? null)
      return value !== null && (typeof value !== 'number' || Number.isFinite(value))
    }
  })
  return (event) => readers.some((reads) => reads(event))
}

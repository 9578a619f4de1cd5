/**
 * The value of one feature at one instant, from the raw events that are visible then: the formulas of
 * the contract, each over all events again.
 */
import type {
  AggregateKind,
  ConditionSpec,
  EligibleSpec,
  FeatureExpression,
  FeatureSetSpec,
  SourceSpec,
  WindowSpec,
} from '../../../src/features/spec.js'
import { readingsOf, tailOf, type NaiveBody } from './decide.js'
import { exactSum, exactVariance } from './exact.js'

export interface VisibleEvent {
  readonly type: string
  readonly offset: number
  readonly body: NaiveBody
}

export type NaiveValue = number | string | null

const dayMs = 24 * 60 * 60 * 1000

/** Null where the field is missing; −0 is 0. */
function fieldOf(body: NaiveBody, field: string): unknown {
  const value = body[field] ?? null
  return value === 0 ? 0 : value
}

export function holds(condition: ConditionSpec, body: NaiveBody): boolean {
  if ('field' in condition) {
    return compares(condition, fieldOf(body, condition.field) as Comparable | null)
  }
  if (condition.op === 'not') return !holds(condition.of, body)
  const parts = condition.of.map((part) => holds(part, body))
  return condition.op === 'and' ? parts.every(Boolean) : parts.some(Boolean)
}

type Comparable = string | number | boolean
type FieldCondition = Extract<ConditionSpec, { field: string }>

function compares(condition: FieldCondition, value: Comparable | null): boolean {
  if (value === null) return false
  switch (condition.op) {
    case 'present':
      return true
    case 'in':
      return condition.values.some((one) => one === value)
    case '=':
      return value === condition.value
    case '!=':
      return value !== condition.value
    case '<':
      return value < condition.value
    case '<=':
      return value <= condition.value
    case '>':
      return value > condition.value
    case '>=':
      return value >= condition.value
  }
}

/** Events of a source in `[from, t)`, in their order; those without the asked field left out. */
function select(
  events: readonly VisibleEvent[],
  source: SourceSpec,
  window: WindowSpec | null,
  at: number,
): VisibleEvent[] {
  const from = window === null ? -Infinity : tailOf(at, window)
  return events.filter(
    ({ type, body }) =>
      type === source.event &&
      body.occurred_at >= from &&
      body.occurred_at < at &&
      (source.field === null || fieldOf(body, source.field) !== null) &&
      (source.where === null || holds(source.where, body)),
  )
}

const finite = (value: number): number | null => (Number.isFinite(value) ? value + 0 : null)

/** As a column holds it: a boolean is a category. */
function told(value: unknown): NaiveValue {
  if (typeof value === 'boolean') return String(value)
  return (value ?? null) as NaiveValue
}

function aggregate(
  kind: AggregateKind,
  chosen: readonly VisibleEvent[],
  field: string | null,
): NaiveValue {
  if (kind === 'count') return chosen.length
  const values = field === null ? [] : chosen.map(({ body }) => fieldOf(body, field))
  if (kind === 'distinct') return new Set(values).size
  if (kind === 'latest') return told(values.at(-1))
  if (kind === 'first') return told(values.at(0))
  const numbers = values as number[]
  if (kind === 'sum') return finite(exactSum(numbers))
  if (numbers.length === 0) return null
  if (kind === 'mean') return finite(exactSum(numbers) / numbers.length)
  if (kind === 'min') return numbers.reduce((least, one) => (one < least ? one : least))
  if (kind === 'max') return numbers.reduce((most, one) => (one > most ? one : most))
  return numbers.length < 2 ? null : finite(Math.sqrt(exactVariance(numbers)))
}

/** Count or sum per day of the window's nominal length. */
function rate(
  of: 'count' | 'sum',
  events: readonly VisibleEvent[],
  source: SourceSpec,
  window: WindowSpec,
  at: number,
): number | null {
  const total = aggregate(of, select(events, source, window, at), source.field)
  return total === null ? null : finite((total as number) / (window.lengthMs / dayMs))
}

const wholeDays = (ms: number): number => Math.floor(ms / dayMs)

/** The value of an expression at `at` for a customer who has `events`, at least one, in time order. */
function valueOf(
  expression: FeatureExpression,
  events: readonly VisibleEvent[],
  at: number,
): NaiveValue {
  switch (expression.kind) {
    case 'rate':
      return rate(expression.of, events, expression.source, expression.window, at)
    case 'ratio': {
      const numerator = valueOf(expression.numerator, events, at) as number | null
      const denominator = valueOf(expression.denominator, events, at) as number | null
      if (numerator === null || denominator === null || denominator === 0) return null
      return finite(numerator / denominator)
    }
    case 'change': {
      const { of, source } = expression
      const near = rate(of, events, source, expression.window, at)
      const far = rate(of, events, source, expression.against, at)
      if (near === null || far === null || far === 0) return null
      return finite(((near - far) / Math.abs(far)) * 100)
    }
    case 'tenure': {
      const oldest = select(events, expression.source, null, at).at(0)
      return oldest === undefined ? null : wholeDays(at - oldest.body.occurred_at)
    }
    case 'daysSince': {
      const chosen = select(events, expression.source, expression.window, at)
      const one = chosen.at(expression.of === 'latest' ? -1 : 0)
      return one === undefined ? null : wholeDays(at - one.body.occurred_at)
    }
    case 'count':
    case 'sum':
    case 'mean':
    case 'min':
    case 'max':
    case 'stddev':
    case 'distinct':
    case 'latest':
    case 'first': {
      const chosen = select(events, expression.source, expression.window, at)
      return aggregate(expression.kind, chosen, expression.source.field)
    }
  }
}

/** Values in declared order at `at`; `events` are those visible then, in any order. */
export function evaluate(
  spec: FeatureSetSpec,
  events: readonly VisibleEvent[],
  at: number,
): NaiveValue[] {
  if (events.length === 0) return spec.features.map(() => null)
  const inTime = [...events].sort(
    (a, b) => a.body.occurred_at - b.body.occurred_at || a.offset - b.offset,
  )
  return spec.features.map((feature) => valueOf(feature.expression, inTime, at))
}

/** Whether an event of the source lies in the exact window before `at`. */
export function isEligible(
  eligible: EligibleSpec | null,
  events: readonly VisibleEvent[],
  at: number,
): boolean {
  if (eligible === null) return events.length > 0
  const window = { lengthMs: eligible.withinMs, tileMs: 1 }
  return select(events, eligible.source, window, at).length > 0
}

/** Longest window, that of eligibility included, + 30 d. */
export function retireAfterOf(spec: FeatureSetSpec, eligible: EligibleSpec | null): number {
  const lengths = spec.features
    .flatMap((feature) => readingsOf(feature.expression))
    .map((reading) => reading.window?.lengthMs ?? 0)
  return Math.max(eligible?.withinMs ?? 0, ...lengths) + 30 * dayMs
}

/**
 * Every instant in (`after`, `until`) at which a value can change though nothing happens: an event
 * leaves a window with its tile, or one more whole day has passed since it.
 */
export function instantsOfChange(
  spec: FeatureSetSpec,
  eligible: EligibleSpec | null,
  events: readonly VisibleEvent[],
  after: number,
  until: number,
): number[] {
  const instants = new Set<number>()
  const readings = spec.features.flatMap((feature) => readingsOf(feature.expression))
  if (eligible !== null) {
    const window = { lengthMs: eligible.withinMs, tileMs: 1 }
    readings.push({ event: eligible.source.event, window })
  }
  for (const { type, body } of events) {
    for (const { event, window } of readings) {
      if (event !== type || window === null) continue
      const { lengthMs, tileMs } = window
      const tile = Math.floor(body.occurred_at / tileMs) * tileMs
      instants.add(tile + tileMs + lengthMs)
    }
    const days = Math.max(0, wholeDays(after - body.occurred_at))
    // Later whole days of the same event step at the same time of the day: the next three will do,
    // for a value that steps daily differs after the first.
    for (let step = 1; step <= 3; step++) instants.add(body.occurred_at + (days + step) * dayMs)
  }
  return [...instants].filter((at) => at > after && at < until).sort((a, b) => a - b)
}

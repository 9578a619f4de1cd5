/**
 * What a declaration must fulfil beyond its types: for JavaScript, for casts, and for what no type
 * can say. All faults are told at once.
 */
import { configurationError } from '../errors.js'
import type { EventSchemas } from '../events/schema-types.js'
import { windowProblem } from './duration.js'
import { columnType, fieldTypeOf, type FieldType } from './field-types.js'
import { nearest } from './nearest.js'
import type {
  ConditionSpec,
  EligibleSpec,
  FeatureExpression,
  FeatureSetSpec,
  SourceSpec,
  WindowSpec,
} from './spec.js'

/** Event types are bits of one 32-bit number in the judge's state. */
export const EVENT_TYPES_MAX = 31

const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/
/** Columns that a training set has beside the features. */
const RESERVED = new Set(['customer_id', 'as_of', 'label', 'label_time'])

/**
 * @throws `FEATURES_INVALID` (exit 78) with one line for each fault: a missing event or field, a
 *   field of the wrong type, a name twice, an expression that contains itself, a bad window
 */
export function checkFeatureSet(spec: FeatureSetSpec, schemas: EventSchemas): void {
  const faults = [...nameFaults(spec), ...schemaFaults(schemas)]
  for (const { name, type, expression } of spec.features) {
    const found = expressionFaults(expression, schemas, [])
    if (found.length === 0 && columnType(expression, schemas) !== type) {
      found.push(`its values are ${columnType(expression, schemas)}, not ${type}`)
    }
    faults.push(...found.map((fault) => `feature ${name}: ${fault}`))
  }
  refuse(spec.name, faults)
}

/** As `checkFeatureSet`, for a source that stands alone: eligibility, a label. */
export function checkSource(what: string, source: SourceSpec, schemas: EventSchemas): void {
  refuse(what, sourceFaults(source, schemas))
}

export function checkEligible(eligible: EligibleSpec, schemas: EventSchemas): void {
  checkSource('eligible', eligible.source, schemas)
  const problem = windowProblem({ lengthMs: eligible.withinMs, tileMs: 1 })
  if (problem !== null) refuse('eligible', [problem])
}

function refuse(what: string, faults: readonly string[]): void {
  if (faults.length === 0) return
  const text = `the declaration of ${what} is wrong:\n  ${faults.join('\n  ')}`
  throw configurationError('FEATURES_INVALID', text)
}

function nameFaults(spec: FeatureSetSpec): string[] {
  const faults: string[] = []
  if (!NAME.test(spec.name)) faults.push(`${JSON.stringify(spec.name)} is not a name`)
  if (!Number.isSafeInteger(spec.version) || spec.version < 1) {
    faults.push(`version ${spec.version}: due is a whole number from 1`)
  }
  const seen = new Map<string, string>()
  for (const { name } of spec.features) {
    if (!NAME.test(name)) faults.push(`feature ${JSON.stringify(name)} is not a name`)
    if (RESERVED.has(name.toLowerCase())) faults.push(`feature ${name}: the name is taken`)
    // Columns of Parquet files are told apart without regard to case by those who query them.
    const twin = seen.get(name.toLowerCase())
    if (twin !== undefined) faults.push(`feature ${name} is declared twice (${twin})`)
    seen.set(name.toLowerCase(), name)
  }
  return faults
}

function schemaFaults(schemas: EventSchemas): string[] {
  const types = Object.keys(schemas)
  const faults = types
    .filter((type) => schemas[type]?.name !== type)
    .map((type) => `event ${type} has the schema of record ${schemas[type]?.name}`)
  if (types.length > EVENT_TYPES_MAX) {
    faults.push(`${types.length} event types; at most ${EVENT_TYPES_MAX} are possible`)
  }
  return faults
}

function expressionFaults(
  expression: FeatureExpression,
  schemas: EventSchemas,
  above: readonly FeatureExpression[],
): string[] {
  if (above.includes(expression)) {
    const path = [...above, expression].map(({ kind }) => kind).join(' → ')
    return [`it contains itself: ${path}`]
  }
  const within = [...above, expression]
  switch (expression.kind) {
    case 'ratio':
      return [expression.numerator, expression.denominator].flatMap((part) => {
        const faults = expressionFaults(part, schemas, within)
        return faults.length === 0 && columnType(part, schemas) === 'string'
          ? ['ratio of a category']
          : faults
      })
    case 'tenure':
      return sourceFaults(expression.source, schemas)
    case 'change': {
      const { window, against } = expression
      const faults = aggregateFaults(expression.of, expression.source, window, schemas)
      faults.push(...windowFaults(against))
      if (against.lengthMs <= window.lengthMs) faults.push('`against` must be the longer window')
      return faults
    }
    case 'rate':
      return aggregateFaults(expression.of, expression.source, expression.window, schemas)
    case 'daysSince':
      return aggregateFaults('count', expression.source, expression.window, schemas)
    case 'count':
    case 'sum':
    case 'mean':
    case 'min':
    case 'max':
    case 'stddev':
    case 'distinct':
    case 'latest':
    case 'first':
      return aggregateFaults(expression.kind, expression.source, expression.window, schemas)
  }
}

const NUMERIC = new Set(['sum', 'mean', 'min', 'max', 'stddev'])

function aggregateFaults(
  kind: string,
  source: SourceSpec,
  window: WindowSpec | null,
  schemas: EventSchemas,
): string[] {
  const faults = sourceFaults(source, schemas)
  if (window !== null) faults.push(...windowFaults(window))
  if (faults.length > 0 || kind === 'count') return faults
  if (source.field === null) return [`${kind} needs a field of ${source.event}`]
  const type = fieldTypeOf(schemas, source.event, source.field) as FieldType
  const isNumber = type.kind === 'long' || type.kind === 'double'
  return NUMERIC.has(kind) && !isNumber
    ? [`${kind} of ${source.event}.${source.field}, which is no number`]
    : []
}

function windowFaults(window: WindowSpec): string[] {
  const problem = windowProblem(window)
  return problem === null ? [] : [problem]
}

function sourceFaults(source: SourceSpec, schemas: EventSchemas): string[] {
  const { event, field, where } = source
  if (!Object.hasOwn(schemas, event)) {
    return [`there is no event ${event}${nearest(event, Object.keys(schemas))}`]
  }
  return [
    ...(field === null ? [] : fieldFaults(event, field, schemas)),
    ...(where === null ? [] : conditionFaults(event, where, schemas)),
  ]
}

function fieldFaults(event: string, field: string, schemas: EventSchemas): string[] {
  const type = fieldTypeOf(schemas, event, field)
  if (type === null) {
    const names = schemas[event]?.fields.map(({ name }) => name) ?? []
    return [`event ${event} has no field ${field}${nearest(field, names)}`]
  }
  return type.kind === 'opaque' ? [`${event}.${field} has a type that no feature can read`] : []
}

function conditionFaults(event: string, where: ConditionSpec, schemas: EventSchemas): string[] {
  if (where.op === 'not') return conditionFaults(event, where.of, schemas)
  if ('of' in where) {
    if (where.of.length === 0) return [`${where.op} of no condition`]
    return where.of.flatMap((part) => conditionFaults(event, part, schemas))
  }
  const faults = fieldFaults(event, where.field, schemas)
  if (faults.length > 0 || where.op === 'present') return faults
  const type = fieldTypeOf(schemas, event, where.field) as FieldType
  const values = where.op === 'in' ? where.values : [where.value]
  if (values.length === 0) return [`a condition on ${event}.${where.field} allows no value`]
  if (where.op !== '=' && where.op !== '!=' && where.op !== 'in' && isText(type)) {
    return [`a condition on ${event}.${where.field} orders what is no number`]
  }
  return values.flatMap((value) => valueFaults(`${event}.${where.field}`, type, value))
}

const isText = (type: FieldType): boolean => type.kind === 'string' || type.kind === 'boolean'

function valueFaults(field: string, type: FieldType, value: unknown): string[] {
  const due = isText(type) ? type.kind : 'number'
  const shown = JSON.stringify(value)
  // A comparison with null would always be false: `present` asks for that.
  if (typeof value !== due || Number.isNaN(value)) {
    return [`a condition compares ${field} with ${shown}, due is a ${due}`]
  }
  if (type.symbols !== null && !type.symbols.includes(value as string)) {
    return [`${field} is never ${shown}${nearest(value as string, type.symbols)}`]
  }
  return []
}

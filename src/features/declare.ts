/**
 * `features`: a named, versioned set of features over an app's event schemas, checked as a whole.
 */
import type { EventSchemas } from '../events/schema-types.js'
import { checkFeatureSet } from './check.js'
import { expressionKey, growingKey, type Feature } from './expressions.js'
import { columnType } from './field-types.js'
import { events, type On } from './refs.js'
import type { FeatureExpression, FeatureSetSpec } from './spec.js'

/** Declared features by name; a column is made of each, in this order. */
export type Declared = Readonly<Record<string, Feature<number> | Feature<string>>>

/** What `features` returns: the declaration as data, and the types of its values. */
export interface FeatureSet<S extends EventSchemas = EventSchemas, D extends Declared = Declared> {
  readonly spec: FeatureSetSpec
  readonly schemas: S
  /** Only the compiler reads it. */
  readonly declared?: D
}

/**
 * The values of a feature set by name; each may be null.
 *
 * @example
 * type Values = FeatureValues<typeof featureSet>
 */
export type FeatureValues<F> =
  F extends FeatureSet<infer _, infer D>
    ? { readonly [Name in keyof D]: (D[Name] extends Feature<infer V> ? V : never) | null }
    : never

/**
 * Declares the features of an app. Names of events and fields are checked by the compiler against
 * the schemas, and here once more for JavaScript.
 *
 * @throws with exit code 78: `FEATURES_INVALID`, with every fault of the declaration in the text;
 *   `EVENT_UNKNOWN`, `FIELD_UNKNOWN`, `DURATION_INVALID`, `WINDOW_INVALID`, `CONDITION_INVALID`
 * @example
 * features('churn', 1, customerEvents, ({ on }) => ({
 *   logins_last_7_days: count(on.session).over('7d'),
 *   plan: latest(on.subscription_change.plan),
 * }))
 */
export function features<const S extends EventSchemas, D extends Declared>(
  name: string,
  version: number,
  schemas: S,
  declare: (api: { readonly on: On<S> }) => D,
): FeatureSet<S, D> {
  const declared = declare({ on: events(schemas) })
  const spec: FeatureSetSpec = {
    name,
    version,
    features: Object.entries(declared).map(([featureName, feature]) => {
      const expression = feature[expressionKey]
      return {
        name: featureName,
        type: columnType(expression, schemas),
        expression,
        growing: feature[growingKey] ?? growsByKind(expression),
      }
    }),
  }
  checkFeatureSet(spec, schemas)
  return { spec, schemas }
}

/** Whether a value only grows with time: totals and ages over the whole history. */
function growsByKind(expression: FeatureExpression): boolean {
  switch (expression.kind) {
    case 'tenure':
      return true
    case 'count':
    case 'sum':
    case 'distinct':
      return expression.window === null
    case 'daysSince':
      return expression.window === null && expression.of === 'first'
    case 'mean':
    case 'min':
    case 'max':
    case 'stddev':
    case 'latest':
    case 'first':
    case 'rate':
    case 'ratio':
    case 'change':
      return false
  }
}

/** The public surface of the library: what an app or an embedding program imports. */
export { exitCode, TidemarkError } from './errors.js'
export type { ExitCode, Retry, TidemarkErrorOptions } from './errors.js'
export type { EventSchemas } from './events/schema-types.js'
export type { SchemaIds } from './events/schema-ids.js'
export { allowed, range, reference, required, rules } from './events/rule-spec.js'
export type { RuleAction, RuleOptions, RuleSet, RuleSpec } from './events/rule-spec.js'
export { features } from './features/declare.js'
export type { Declared, FeatureSet, FeatureValues } from './features/declare.js'
export {
  change,
  count,
  daysSince,
  distinct,
  first,
  growing,
  latest,
  max,
  mean,
  min,
  ratio,
  stddev,
  sum,
  tenure,
} from './features/expressions.js'
export type { Aggregate, Feature, Moment, Total, WindowOptions } from './features/expressions.js'
export type { Duration } from './features/duration.js'
export { and, not, or } from './features/refs.js'
export type { Condition, EventRef, FieldRef, On } from './features/refs.js'
export { eligible, happens, labels, lapse, seenWithin } from './features/label-spec.js'
export type { Labels, LabelOptions, LabelSpec } from './features/label-spec.js'

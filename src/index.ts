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
export { startTopology } from './embedded/start-topology.js'
export type {
  NewEvent,
  RunningTopology,
  SetAsideRecord,
  StartTopologyOptions,
} from './embedded/start-topology.js'
export { jsonEvents } from './events/json-codec.js'
export type { JsonCodec, JsonEvent, JsonField, JsonSchemas } from './events/json-codec.js'
export { branch } from './operators/branch.js'
export type { At, Events } from './operators/events.js'
export { filter } from './operators/filter.js'
export { flatMap } from './operators/flat-map.js'
export { join } from './operators/join.js'
export type { Table } from './operators/join.js'
export { keyBy } from './operators/key-by.js'
export { map } from './operators/map.js'
export { merge } from './operators/merge.js'
export { always } from './operators/windows/always.js'
export type { Fold, Folds } from './operators/windows/fold.js'
export { hopping } from './operators/windows/hopping.js'
export type { Grace } from './operators/windows/hopping.js'
export { session } from './operators/windows/session.js'
export type { SessionOptions } from './operators/windows/session.js'
export { sliding } from './operators/windows/sliding.js'
export { tumbling } from './operators/windows/tumbling.js'
export type { WindowKind } from './operators/windows/window-kind.js'
export type { TopologyReport } from './replay/verify-topology.js'
export { topology } from './topology/topology.js'
export type { Topology, TopologySpec, WindowAggregate, WindowRow } from './topology/topology.js'

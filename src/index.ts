/** The public surface of the library: what an app or an embedding program imports. */
export { exitCode, TidemarkError } from './errors.js'
export type { ExitCode, Retry, TidemarkErrorOptions } from './errors.js'
export type { EventSchemas } from './events/schema-types.js'
export type { SchemaIds } from './events/schema-ids.js'
export { allowed, range, reference, required, rules } from './events/rule-spec.js'
export type { RuleAction, RuleOptions, RuleSet, RuleSpec } from './events/rule-spec.js'

/** Puts together what an app's folder declares. */
import { AvroCodec } from '../events/avro-codec.js'
import { outputSchemas } from '../events/output-schemas.js'
import type { RuleSet } from '../events/rule-spec.js'
import { compileRules } from '../events/rules.js'
import { idOf, type SchemaIds } from '../events/schema-ids.js'
import type { AvroRecordSchema } from '../events/schema-types.js'
import { configurationError } from '../errors.js'
import type { SchemaSource } from '../schemas/schemas.js'
import { canonicalDeclaration, type Declaration } from './app-hash.js'
import type { App, OutputSchemaIds } from './app.js'
import { compile } from './compile.js'
import type { FeatureSet } from './declare.js'
import { keptTexts } from './kept-texts.js'
import type { CompiledLabels } from './labels.js'
import type { EligibleSpec } from './spec.js'

export interface AppDeclaration {
  readonly featureSet: FeatureSet
  /** With a `source` those of the app's own schemas, without one all that records may have. */
  readonly schemaIds: SchemaIds
  readonly source?: SchemaSource
  readonly rules: RuleSet
  readonly labels: CompiledLabels | null
  readonly eligible: EligibleSpec | null
  /** Whether the app's data is made up. */
  readonly synthetic: boolean
}

/**
 * The app of a declaration. Its name is the feature set's.
 *
 * @throws with exit code 78: `FEATURES_INVALID`, `RULE_INVALID`, `SCHEMA_UNREGISTERED` where an
 *   event's or an output's schema has no id yet
 * @example
 * buildApp({ featureSet, schemaIds, rules, labels, eligible, synthetic: false }).name // 'churn'
 */
export function buildApp(app: AppDeclaration): App {
  const { spec, schemas } = app.featureSet
  const declaration: Declaration = {
    features: spec,
    schemas,
    eligible: app.eligible,
    rules: app.rules.spec,
  }
  const engine = compile(declaration)
  const codec = new AvroCodec(schemas, app.schemaIds, app.source)
  if (codec.types.join() !== engine.types.join()) {
    throw new Error('the codec and the engine number the event types differently')
  }
  return {
    name: spec.name,
    featureSet: `${spec.name}/${spec.version}`,
    codec,
    rules: compileRules(app.rules, codec.types, keptTexts(spec, schemas)),
    engine,
    growing: spec.features.filter(({ growing }) => growing).map(({ name }) => name),
    labels: app.labels,
    outputs: outputIds(spec.name, engine.columns, app.schemaIds),
    schemaIds: app.schemaIds,
    declared: { spec, schemas },
    declaration: canonicalDeclaration(declaration),
    synthetic: app.synthetic,
  }
}

/** All schemas of an app: what it reads, and what it emits. */
export function schemasOf({ featureSet }: Pick<AppDeclaration, 'featureSet'>) {
  const { spec, schemas } = featureSet
  const { features, scores } = outputSchemas(spec.name, spec.features)
  const outputs: readonly AvroRecordSchema[] = [features, scores]
  return { events: Object.values(schemas), outputs }
}

function outputIds(name: string, columns: App['engine']['columns'], ids: SchemaIds) {
  const schemas = outputSchemas(name, columns)
  const found: OutputSchemaIds = {
    features: idOf(ids, schemas.features) ?? 0,
    scores: idOf(ids, schemas.scores) ?? 0,
  }
  if (found.features > 0 && found.scores > 0) return found
  const text = `the output schemas of ${name} have no id in its ids.json; run npm run schemas`
  throw configurationError('SCHEMA_UNREGISTERED', text)
}

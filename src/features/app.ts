/**
 * An app as the engine sees it: what its folder declares, compiled. `cli/load-app.ts` makes one
 * from a folder, `apps/churn` is built in.
 */
import type { EventCodec, EventRules } from '../events/event.js'
import type { SchemaIds } from '../events/schema-ids.js'
import type { FeatureSet } from './declare.js'
import type { FeatureEngine } from './engine.js'
import type { CompiledLabels } from './labels.js'

/** Ids of the output topics' schemas in the app's registry file. */
export interface OutputSchemaIds {
  readonly features: number
  readonly scores: number
}

export interface App {
  readonly name: string
  /** Name and version of the feature set, `churn/1`. */
  readonly featureSet: string
  readonly codec: EventCodec
  readonly rules: EventRules
  readonly engine: FeatureEngine
  /** Names of the features that grow by construction (tenure, totals): drift leaves them alone. */
  readonly growing: readonly string[]
  readonly labels: CompiledLabels | null
  readonly outputs: OutputSchemaIds
  /** Ids of the schemas that its events and its outputs have. */
  readonly schemaIds: SchemaIds
  /** The features as they are declared. */
  readonly declared: FeatureSet
  /** The canonical declaration behind the app hash, for a diff when another one is met. */
  readonly declaration: unknown
  /** Whether the app's data is made up. */
  readonly synthetic: boolean
}

/**
 * An app as data: what of it has to be kept so that its outputs can be computed and derived again
 * when its folder says something else. No code of a user is in it; labels are not either, for only
 * training sets need them.
 */
import { configurationError } from '../errors.js'
import type { SchemaIds } from '../events/schema-ids.js'
import type { RuleSpec } from '../events/rule-spec.js'
import type { EventSchemas } from '../events/schema-types.js'
import type { SchemaSource } from '../schemas/schemas.js'
import type { App } from './app.js'
import { buildApp } from './build-app.js'
import type { EligibleSpec, FeatureSetSpec, FeatureSpec } from './spec.js'

/** Plain JSON. */
export interface StoredApp {
  readonly appHash: string
  /** As `canonicalDeclaration` makes it. */
  readonly declaration: unknown
  readonly schemaIds: SchemaIds
  /** Names of the features that grow by construction. */
  readonly growing: readonly string[]
  readonly synthetic: boolean
}

/** @example compileStored(JSON.parse(JSON.stringify(storedApp(app)))).engine.appHash // the app's */
export function storedApp(app: App): StoredApp {
  const { declaration, schemaIds, growing, synthetic } = app
  return { appHash: app.engine.appHash, declaration, schemaIds, growing, synthetic }
}

/**
 * Compiles a stored app; it has no labels.
 *
 * @throws TidemarkError GENERATION_INVALID (78) where this version of Tidemark makes another hash of
 *   the declaration, and what `buildApp` throws
 */
export function compileStored(stored: StoredApp, source?: SchemaSource): App {
  const { features, schemas, eligible, rules } = stored.declaration as CanonicalDeclaration
  const growing = new Set(stored.growing)
  const spec: FeatureSetSpec = {
    ...features,
    features: features.features.map((feature) => ({
      ...feature,
      growing: growing.has(feature.name),
    })),
  }
  const app = buildApp({
    featureSet: { spec, schemas },
    schemaIds: stored.schemaIds,
    ...(source === undefined ? {} : { source }),
    rules: { spec: rules },
    labels: null,
    eligible,
    synthetic: stored.synthetic,
  })
  if (app.engine.appHash === stored.appHash) return app
  const text = `the stored declaration of ${app.name} has hash ${app.engine.appHash} here`
  throw configurationError('GENERATION_INVALID', `${text}, not ${stored.appHash}`)
}

/** What `canonicalDeclaration` keeps, as far as an app is built of it. */
interface CanonicalDeclaration {
  readonly features: Omit<FeatureSetSpec, 'features'> & {
    readonly features: readonly Omit<FeatureSpec, 'growing'>[]
  }
  readonly schemas: EventSchemas
  readonly eligible: EligibleSpec | null
  readonly rules: readonly RuleSpec[]
}

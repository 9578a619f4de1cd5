import { compile } from '../../src/features/compile.js'
import type { FeatureEngine } from '../../src/features/engine.js'
import type { EligibleSpec, FeatureSetSpec } from '../../src/features/spec.js'
import { testSchemas } from './arbitrary-sources.js'

/** The engine of a feature set over the schemas that random ones are drawn from. */
export function testEngine(features: FeatureSetSpec, eligible: EligibleSpec | null): FeatureEngine {
  return compile({ features, schemas: testSchemas, eligible, rules: [] })
}

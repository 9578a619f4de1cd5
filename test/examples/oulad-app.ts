/** The Open University app in this process, and what the naive implementation needs of it. */
import { featureSet } from '../../examples/oulad/features.js'
import { eligible, labels } from '../../examples/oulad/labels.js'
import { rules } from '../../examples/oulad/rules.js'
import { schemaIds } from '../../examples/oulad/schemas.gen.js'
import { buildApp } from '../../src/features/build-app.js'
import type { NaiveDeclaration } from '../support/naive.js'

export const app = buildApp({ featureSet, schemaIds, rules, labels, eligible, synthetic: false })

export const declaration: NaiveDeclaration = {
  spec: featureSet.spec,
  eligible,
  label: labels.spec,
}

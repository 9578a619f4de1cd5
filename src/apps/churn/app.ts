/** The built-in app: the churn of a subscription business, whoever's data it is. */
import { type AppDeclaration, buildApp } from '../../features/build-app.js'
import type { App } from '../../features/app.js'
import { featureSet } from './features.js'
import { eligible, labels } from './labels.js'
import { rules } from './rules.js'
import { schemaIds } from './schemas.gen.js'

export const churnDeclaration: AppDeclaration = {
  featureSet,
  schemaIds,
  rules,
  labels,
  eligible,
  synthetic: false,
}

/** @example churn().name // 'churn' */
export function churn(): App {
  return buildApp(churnDeclaration)
}

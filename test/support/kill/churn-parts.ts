/** The built-in app as the killed processes and those who look at what they left have it. */
import { churn } from '../../../src/apps/churn/app.js'
import type { RowLayout } from '../../../src/events/output-rows.js'
import { topicsOf } from '../../../src/log/log.js'

export const app = churn()
export const topics = topicsOf(app.name)

/** As the composition of `tidemark start` has it, without loading all that it loads. */
export const layout: RowLayout = {
  app: app.name,
  featureSet: app.featureSet,
  appHash: app.engine.appHash,
  columns: app.engine.columns,
  ids: app.outputs,
}

import type { RowLayout } from '../events/output-rows.js'
import type { App } from '../features/app.js'

/** What an app's output rows look like. */
export function layoutOf(app: App): RowLayout {
  const { name, featureSet, engine, outputs } = app
  const { appHash, columns } = engine
  return { app: name, featureSet, appHash, columns, ids: outputs }
}

import type { App } from '../features/app.js'
import { featureProgram } from '../operators/program.js'
import { layoutOf } from './layout.js'

/** What of a topology's parts an app decides, whatever runs it: live, rebuilt or verified. */
export function appParts(app: App) {
  const { codec, rules, engine } = app
  return { program: featureProgram(engine), codec, rules, layout: layoutOf(app) }
}

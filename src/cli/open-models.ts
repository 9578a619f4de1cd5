import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { App } from '../features/app.js'
import { loadBundle } from '../scoring/bundle.js'
import { keepBundle } from '../scoring/bundle-folders.js'
import { GuardedScorer, type ScoringObserver } from '../scoring/guarded-scorer.js'
import { noModel } from '../scoring/no-model.js'
import { openModel } from '../scoring/onnx-scorer.js'
import type { Scorer, Scoring } from '../scoring/scorer.js'

export interface OpenModels {
  readonly scoring: Scoring
  close(): Promise<void>
}

export interface ModelFolders {
  /** null: the app's own `champion`, and no model where it has none. */
  readonly model: string | null
  readonly fallback: string | null
  /** Folder with the app's own bundles. */
  readonly bundles: string
  /** Where bundles are kept for as long as scores name them. */
  readonly kept: string
}

/**
 * Opens the model in force and its fallback, and keeps a copy of both before the first score.
 *
 * @throws with exit code 78 what `openModel` throws; `BUNDLE_NOT_KEPT` (74)
 */
export async function openModels(
  app: App,
  folders: ModelFolders,
  observer: ScoringObserver,
): Promise<OpenModels> {
  const champion = folders.model ?? own(folders.bundles, 'champion')
  if (champion === null) return { scoring: noModel, close: async () => undefined }
  const fallback = folders.fallback ?? own(folders.bundles, 'fallback')
  const scorers: Scorer[] = []
  for (const folder of fallback === null ? [champion] : [champion, fallback]) {
    scorers.push(await openModel(folder, app.engine))
    await keepBundle(await loadBundle(folder), folders.kept)
  }
  const scoring = new GuardedScorer(scorers[0], scorers[1] ?? null, observer)
  return {
    scoring,
    close: async () => {
      for (const scorer of scorers) await scorer.close()
    },
  }
}

function own(bundles: string, alias: string): string | null {
  const folder = join(bundles, alias)
  return existsSync(folder) ? folder : null
}

import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { App } from '../features/app.js'
import { type Bundle, loadBundle } from '../scoring/bundle.js'
import { keepBundle } from '../scoring/bundle-folders.js'
import { GuardedScorer, type ScoringObserver } from '../scoring/guarded-scorer.js'
import { noModel } from '../scoring/no-model.js'
import { openModel } from '../scoring/onnx-scorer.js'
import type { Scorer, Scoring } from '../scoring/scorer.js'
import type { GenerationModels } from './generation.js'

export interface OpenModels {
  readonly scoring: Scoring
  /** By their hashes; null: there is no model. */
  readonly chosen: GenerationModels | null
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
  /** Kept bundles that answer where neither a flag nor the app's folder has one that fits. */
  readonly recorded?: GenerationModels | null
  /**
   * App hashes of the directory's other generations: a bundle of theirs fits where every feature
   * that it reads is there by name and type.
   */
  readonly earlier?: ReadonlySet<string>
}

/** The folders of the model in force and of its fallback. */
interface ChosenModels {
  readonly champion: string
  readonly fallback: string | null
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
  const chosen = await chooseModels(app, folders)
  if (chosen === null) return { scoring: noModel, chosen: null, close: async () => undefined }
  const { champion, fallback } = chosen
  const scorers: Scorer[] = []
  for (const folder of fallback === null ? [champion] : [champion, fallback]) {
    const bundle = await loadBundle(folder)
    scorers.push(await openModel(folder, fitting(bundle, app, folders)))
    await keepBundle(bundle, folders.kept)
  }
  const scoring = new GuardedScorer(scorers[0], scorers[1] ?? null, observer)
  const [model, second] = scorers.map(({ bundle }) => bundle.hash)
  return {
    scoring,
    chosen: { model, fallback: second ?? null },
    close: async () => {
      for (const scorer of scorers) await scorer.close()
    },
  }
}

async function chooseModels(app: App, folders: ModelFolders): Promise<ChosenModels | null> {
  const { model, fallback, bundles, kept, recorded = null } = folders
  const champion = model ?? own(bundles, 'champion')
  const isRecorded =
    recorded !== null && model === null && !(champion !== null && (await isOf(champion, app)))
  if (isRecorded) {
    const second = recorded.fallback === null ? null : join(kept, recorded.fallback)
    return { champion: join(kept, recorded.model), fallback: fallback ?? second }
  }
  if (champion === null) return null
  return { champion, fallback: fallback ?? own(bundles, 'fallback') }
}

async function isOf(folder: string, { engine }: App): Promise<boolean> {
  return (await loadBundle(folder)).info.appHash === engine.appHash
}

/** The app as a bundle has to fit it: what was trained for an earlier generation may go on. */
function fitting({ info }: Bundle, { engine }: App, { earlier }: ModelFolders) {
  const { appHash, columns } = engine
  return { appHash: earlier?.has(info.appHash) ? info.appHash : appHash, columns }
}

function own(bundles: string, alias: string): string | null {
  const folder = join(bundles, alias)
  return existsSync(folder) ? folder : null
}

import { TidemarkError } from '../errors.js'
import { findBundle } from '../scoring/bundle-folders.js'
import { OnnxScorer } from '../scoring/onnx-scorer.js'
import type { Scorer } from '../scoring/scorer.js'
import type { OpenSource } from './open-source.js'

/**
 * The scorer of a bundle: of the copy that a data directory keeps, else of the app's own; null where
 * neither has it. Raises what `findBundle` and `OnnxScorer.open` raise besides.
 */
export async function findScorer(
  hash: string,
  { models, loaded }: Pick<OpenSource, 'models' | 'loaded'>,
): Promise<Scorer | null> {
  try {
    const bundle = await findBundle(hash, { kept: models, roots: [loaded.bundles] })
    return await OnnxScorer.open(bundle, loaded.app.engine.columns)
  } catch (error) {
    if (error instanceof TidemarkError && error.code === 'BUNDLE_MISSING') return null
    throw error
  }
}

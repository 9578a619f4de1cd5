import { TidemarkError } from '../errors.js'
import type { Column } from '../features/rows.js'
import { findBundle } from '../scoring/bundle-folders.js'
import { OnnxScorer } from '../scoring/onnx-scorer.js'
import type { Scorer } from '../scoring/scorer.js'

/** Where bundles are looked for, and whose rows they score. */
export interface ScorerPlace {
  /** The copies that a data directory keeps: looked into first. */
  readonly kept: string
  readonly roots: readonly string[]
  readonly columns: readonly Column[]
}

/** The scorer of a bundle; null where it is nowhere. Raises what `findBundle` and `OnnxScorer.open` raise besides. */
export async function findScorer(
  hash: string,
  { kept, roots, columns }: ScorerPlace,
): Promise<Scorer | null> {
  try {
    return await OnnxScorer.open(await findBundle(hash, { kept, roots }), columns)
  } catch (error) {
    if (error instanceof TidemarkError && error.code === 'BUNDLE_MISSING') return null
    throw error
  }
}

import type { FeatureRows } from '../features/rows.js'
import type { BundleInfo, ScoredRows, Scoring } from './scorer.js'

/** What scores name as their model where an app has none yet. */
export const noBundle: BundleInfo = {
  name: 'none',
  version: '0',
  hash: '0'.repeat(64),
  threshold: 1,
  appHash: '',
  synthetic: false,
}

/**
 * Scoring of an app that has no model yet: every row is emitted, with its features, and its score
 * says NO_MODEL instead of a probability.
 */
export const noModel: Scoring = {
  inForce: noBundle,
  score: async (rows: FeatureRows): Promise<ScoredRows> => ({
    probability: new Float32Array(rows.length).fill(Number.NaN),
    servedBy: new Uint8Array(rows.length),
    bundles: [noBundle],
    degraded: Array.from({ length: rows.length }, () => 'NO_MODEL' as const),
  }),
}

import type { FeatureRows } from '../features/rows.js'

/** What a score says of the model that made it. */
export interface BundleInfo {
  readonly name: string
  readonly version: string
  /** SHA-256 of the bundle's canonical `bundle.json`, in hex. */
  readonly hash: string
  /** Probability from which the decision is "churn". */
  readonly threshold: number
  /** App hash that the bundle was trained for. */
  readonly appHash: string
  readonly synthetic: boolean
}

/** Why a score is not the asked model's own. */
export type Degraded = 'SCORE_INVALID' | 'SCORER_FAILED' | 'FALLBACK_FAILED' | 'NO_MODEL'

/** Scores of the rows of one commit, in the rows' order. */
export interface ScoredRows {
  /** float32 probabilities; NaN where even the fallback failed (then `degraded` says so). */
  readonly probability: Float32Array
  /** The bundle that served a row: index into `bundles`. */
  readonly servedBy: Uint8Array
  readonly bundles: readonly BundleInfo[]
  /** null where the model in force answered. */
  readonly degraded: readonly (Degraded | null)[] | null
}

/** One model. It may throw or answer nonsense; `guarded-scorer.ts` turns both into typed scores. */
export interface Scorer {
  readonly bundle: BundleInfo
  /** Library, version and kind of CPU: where they are the same, a row's score is, to the bit. */
  readonly runtime?: string | undefined
  /** One probability a row, from `from` (inclusive) to `to` (exclusive). */
  score(rows: FeatureRows, from: number, to: number): Promise<Float32Array>
  close(): Promise<void>
}

/** What the topology asks: never throws because of data or a model. */
export interface Scoring {
  /** The model in force, as written in the position record. */
  readonly inForce: BundleInfo
  /** See `Scorer.runtime`; written in the position record beside the model. */
  readonly runtime?: string | undefined
  score(rows: FeatureRows): Promise<ScoredRows>
}

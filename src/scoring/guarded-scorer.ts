/**
 * Stands between the topology and models that may fail.
 *
 * G1 every row gets a score or a reason; no answer of a model and no exception of its runtime
 *    reaches the topology as an error.
 * G2 what a row gets is a function of the row and the two bundles: a bad answer costs its own row
 *    only, and the score names the bundle that gave it.
 */
import type { FeatureRows } from '../features/rows.js'
import type { BundleInfo, Degraded, ScoredRows, Scorer, Scoring } from './scorer.js'

/** Hears of what the metrics count; it must not throw. */
export interface ScoringObserver {
  /** `bundle` gave `rows` valid scores. */
  scored(bundle: BundleInfo, rows: number): void
  /**
   * `bundle` failed `rows` rows for `reason`. `cause` is what the runtime threw, or the first bad
   * value; the same rows are told again for the fallback where that fails too.
   */
  degraded(bundle: BundleInfo, reason: Degraded, rows: number, cause: unknown): void
}

const MODEL = 0
const FALLBACK = 1

/**
 * @example
 * const scoring = new GuardedScorer(champion, fallback, observer)
 * const { probability, degraded } = await scoring.score(rows)
 */
export class GuardedScorer implements Scoring {
  readonly inForce: BundleInfo
  private readonly bundles: readonly BundleInfo[]

  constructor(
    private readonly model: Scorer,
    private readonly fallback: Scorer | null,
    private readonly observer: ScoringObserver,
  ) {
    this.inForce = model.bundle
    this.bundles = fallback === null ? [model.bundle] : [model.bundle, fallback.bundle]
  }

  get runtime(): string | undefined {
    return this.model.runtime
  }

  async score(rows: FeatureRows): Promise<ScoredRows> {
    const { bundles } = this
    const servedBy = new Uint8Array(rows.length)
    if (rows.length === 0) {
      return { probability: new Float32Array(0), servedBy, bundles, degraded: null }
    }
    const first = await this.ask(this.model, rows, 0, rows.length)
    if (first.bad === 0) {
      return { probability: first.scores, servedBy, bundles, degraded: null }
    }
    const degraded: (Degraded | null)[] = Array.from({ length: rows.length }, () => null)
    const probability = first.scores
    for (let from = 0; from < rows.length; from++) {
      if (isProbability(probability[from])) continue
      let to = from + 1
      while (to < rows.length && !isProbability(probability[to])) to++
      // Neighbours that failed together are one call; a score does not depend on its neighbours.
      const second = await this.askFallback(rows, from, to)
      for (let row = from; row < to; row++) {
        const score = second === null ? Number.NaN : second[row - from]
        const served = isProbability(score)
        probability[row] = served ? score : Number.NaN
        servedBy[row] = this.fallback === null ? MODEL : FALLBACK
        degraded[row] = served ? first.reason : 'FALLBACK_FAILED'
      }
      from = to
    }
    return { probability, servedBy, bundles, degraded }
  }

  private async askFallback(
    rows: FeatureRows,
    from: number,
    to: number,
  ): Promise<Float32Array | null> {
    if (this.fallback === null) {
      this.observer.degraded(this.inForce, 'FALLBACK_FAILED', to - from, 'there is no fallback')
      return null
    }
    return (await this.ask(this.fallback, rows, from, to, 'FALLBACK_FAILED')).scores
  }

  /** One model's answer with NaN for what is no probability, and how many those are. */
  private async ask(
    scorer: Scorer,
    rows: FeatureRows,
    from: number,
    to: number,
    told?: Degraded,
  ): Promise<{ scores: Float32Array; bad: number; reason: Degraded }> {
    const due = to - from
    let scores: Float32Array | null = null
    let reason: Degraded = 'SCORE_INVALID'
    let cause: unknown = null
    try {
      const answer = await scorer.score(rows, from, to)
      if (answer.length === due) scores = answer
      else cause = `${due} rows got ${answer.length} scores`
    } catch (error) {
      cause = error
      const invalid = (error as { code?: unknown } | null)?.code === 'SCORE_INVALID'
      reason = invalid ? 'SCORE_INVALID' : 'SCORER_FAILED'
    }
    let bad = due
    if (scores !== null) {
      bad = 0
      for (let i = 0; i < due; i++) {
        if (isProbability(scores[i])) continue
        if (bad++ === 0) cause = scores[i]
      }
    }
    if (bad < due) this.observer.scored(scorer.bundle, due - bad)
    if (bad > 0) this.observer.degraded(scorer.bundle, told ?? reason, bad, cause)
    return { scores: scores ?? new Float32Array(due).fill(Number.NaN), bad, reason }
  }
}

/** NaN is neither. */
function isProbability(value: number): boolean {
  return value >= 0 && value <= 1
}

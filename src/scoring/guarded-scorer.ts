/**
 * Stands between the topology and models that may fail.
 *
 * G1 every row gets a score or a reason; no answer of a model and no exception of its runtime
 *    reaches the topology as an error.
 * G2 what a row gets is a function of the row and the two bundles: a bad answer costs its own row
 *    only, so does a call that a row makes fail, and the score names the bundle that gave it.
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
        degraded[row] = served ? first.reasons[row] : 'FALLBACK_FAILED'
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

  /** One model's answers, told to the observer; `told` is the reason that it hears. */
  private async ask(
    scorer: Scorer,
    rows: FeatureRows,
    from: number,
    to: number,
    told?: Degraded,
  ): Promise<{ scores: Float32Array; bad: number; reasons: readonly Degraded[] }> {
    const answers = [await answerOf(scorer, rows, from, to)]
    if (answers[0].isWholeFailure && to - from > 1) {
      // One row may have failed the call, and the others must not show whose neighbours they were.
      answers.length = 0
      for (let row = from; row < to; row++) {
        answers.push(await answerOf(scorer, rows, row, row + 1))
      }
    }
    const scores = new Float32Array(to - from)
    const reasons: Degraded[] = []
    const bad = new Map<Degraded, { rows: number; readonly cause: unknown }>()
    for (const answer of answers) {
      scores.set(answer.scores, reasons.length)
      for (const score of answer.scores) {
        reasons.push(answer.reason)
        if (isProbability(score)) continue
        const reason = told ?? answer.reason
        const known = bad.get(reason) ?? { rows: 0, cause: answer.cause ?? score }
        known.rows++
        bad.set(reason, known)
      }
    }
    const badRows = [...bad.values()].reduce((sum, of) => sum + of.rows, 0)
    if (badRows < to - from) this.observer.scored(scorer.bundle, to - from - badRows)
    for (const [reason, of] of bad) {
      this.observer.degraded(scorer.bundle, reason, of.rows, of.cause)
    }
    return { scores, bad: badRows, reasons }
  }
}

interface Answer {
  /** One a row; NaN where the call failed. */
  readonly scores: Float32Array
  readonly isWholeFailure: boolean
  /** What is said of a row whose score is no probability. */
  readonly reason: Degraded
  /** Of a call that failed. */
  readonly cause: unknown
}

async function answerOf(
  scorer: Scorer,
  rows: FeatureRows,
  from: number,
  to: number,
): Promise<Answer> {
  const due = to - from
  let reason: Degraded = 'SCORE_INVALID'
  let cause: unknown
  try {
    const scores = await scorer.score(rows, from, to)
    if (scores.length === due) return { scores, isWholeFailure: false, reason, cause: null }
    cause = `${due} rows got ${scores.length} scores`
  } catch (error) {
    cause = error
    const invalid = (error as { code?: unknown } | null)?.code === 'SCORE_INVALID'
    if (!invalid) reason = 'SCORER_FAILED'
  }
  return { scores: new Float32Array(due).fill(Number.NaN), isWholeFailure: true, reason, cause }
}

/** NaN is neither. */
function isProbability(value: number): boolean {
  return value >= 0 && value <= 1
}

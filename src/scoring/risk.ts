/** How a probability is told to people. */

export type RiskLevel = 'low' | 'medium' | 'high'

/**
 * `high` above 0.7, `medium` above 0.4, else `low`; null where there is no probability (NaN).
 *
 * `probability` is the float32 as scored, widened and never rounded to decimals: the float32
 * nearest to 0.7 lies below 0.7 and is medium, the one nearest to 0.4 lies above 0.4 and is medium.
 *
 * @example riskLevelOf(Math.fround(0.71)) // 'high'
 */
export function riskLevelOf(probability: number): RiskLevel | null {
  if (Number.isNaN(probability)) return null
  if (probability > 0.7) return 'high'
  return probability > 0.4 ? 'medium' : 'low'
}

/**
 * Whether the decision is "churn": at the bundle's threshold and above; null without a probability.
 *
 * The trainer chose the threshold among float32 scores widened in the same way, so the customer at
 * the threshold itself is on the same side here.
 *
 * @example decisionOf(0.3, 0.3) // true
 */
export function decisionOf(probability: number, threshold: number): boolean | null {
  return Number.isNaN(probability) ? null : probability >= threshold
}

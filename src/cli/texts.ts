/** How commands write values for people. */

/** Four digits behind the point, as probabilities are told everywhere. */
export function numberText(value: number): string {
  return value.toFixed(4)
}

/**
 * A feature's value: text in quotes, numbers whole or with at most six digits behind the point.
 *
 * @example valueText(1 / 3) // '0.333333'
 */
export function valueText(value: unknown): string {
  if (typeof value !== 'number') return JSON.stringify(value) ?? 'null'
  return String(Math.round(value * 1e6) / 1e6)
}

/** ISO 8601 in UTC; `never` where there is no instant. */
export function instantText(instant: number | null): string {
  return instant === null ? 'never' : new Date(instant).toISOString()
}

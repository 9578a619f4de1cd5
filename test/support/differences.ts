import type { FeatureExpression, FeatureSetSpec } from '../../src/features/spec.js'
import type { NaiveValue } from './naive.js'

/**
 * What differs from the values due, one text each. The contract's tolerance is for other languages:
 * within this project sums, means, extremes and counts are the same doubles; only a quotient of
 * quotients may end in other bits, as its formula may be written in several ways.
 */
export function differences(
  spec: FeatureSetSpec,
  values: readonly NaiveValue[],
  due: readonly NaiveValue[],
): string[] {
  return spec.features.flatMap(({ name, expression }, i) =>
    isSame(expression, values[i], due[i])
      ? []
      : [`${name} (${expression.kind}) is ${shown(values[i])}, due ${shown(due[i])}`],
  )
}

function isSame(expression: FeatureExpression, value: NaiveValue, due: NaiveValue): boolean {
  if (Object.is(value, due)) return true
  if (typeof value !== 'number' || typeof due !== 'number') return false
  const scale = scaleOf(expression.kind, due)
  return Math.abs(value - due) <= 1e-12 * scale
}

/** What the last bits of a quotient are measured by; 0 where a value must be the same double. */
function scaleOf(kind: FeatureExpression['kind'], due: number): number {
  if (kind === 'rate' || kind === 'ratio') return Math.abs(due)
  // The difference of two nearly equal rates keeps few digits; its scale is 100 %.
  return kind === 'change' ? Math.max(100, Math.abs(due)) : 0
}

const shown = (value: NaiveValue): string => (Object.is(value, -0) ? '-0' : JSON.stringify(value))

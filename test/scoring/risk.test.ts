import { expect, it } from 'vitest'
import { decisionOf, riskLevelOf } from '../../src/scoring/risk.js'

/** The float32 above `value` in [0, 1). */
function next(value: number): number {
  const bits = new Uint32Array(new Float32Array([value]).buffer)
  bits[0]++
  return new Float32Array(bits.buffer)[0]
}

it('judges the float32 as scored, not its decimals', () => {
  const seventy = Math.fround(0.7)
  expect(seventy).toBeLessThan(0.7)
  expect(riskLevelOf(seventy)).toBe('medium')
  expect(riskLevelOf(next(0.7))).toBe('high')
  const forty = Math.fround(0.4)
  expect(forty).toBeGreaterThan(0.4)
  expect(riskLevelOf(forty)).toBe('medium')
  expect(riskLevelOf(0.399)).toBe('low')
  expect([riskLevelOf(0), riskLevelOf(1)]).toEqual(['low', 'high'])
})

it('decides "churn" at the threshold and above', () => {
  expect(decisionOf(0.5, 0.5)).toBe(true)
  expect(decisionOf(next(0.5), 0.5)).toBe(true)
  expect(decisionOf(0.4999999, 0.5)).toBe(false)
})

it('has neither risk nor decision without a probability', () => {
  expect(riskLevelOf(Number.NaN)).toBeNull()
  expect(decisionOf(Number.NaN, 0.5)).toBeNull()
})

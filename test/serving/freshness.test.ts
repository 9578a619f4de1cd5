import { describe, expect, it } from 'vitest'
import { freshnessOf, type FreshnessFacts } from '../../src/serving/freshness.js'
import { NOW, proof } from './made-up.js'

const exact: FreshnessFacts = {
  timeBase: { kind: 'wall' },
  now: NOW,
  proof: { ...proof, asOf: NOW - 13_000 },
  validUntil: NOW + 1,
  lagAllowanceMs: 10_000,
}

describe('freshness', () => {
  it('is exact up to lag allowance and margin, and one ms before a value changes', () => {
    expect(freshnessOf(exact)).toEqual({ status: 'exact', ageSeconds: 13 })
    expect(freshnessOf({ ...exact, validUntil: null }).status).toBe('exact')
  })

  it.each([
    ['stale', { proof: { ...proof, asOf: NOW - 13_001 } }],
    ['stale', { proof: { ...proof, asOf: NOW + 13_001 } }],
    ['expired', { validUntil: NOW }],
    ['behind', { proof: { ...exact.proof!, caughtUp: false } }],
    ['no-proof', { proof: null }],
    ['historic', { timeBase: { kind: 'none' }, now: null }],
  ] as const)('is unproven: %s', (reason, change) => {
    expect(freshnessOf({ ...exact, ...change })).toMatchObject({ status: 'unproven', reason })
  })

  it('multiplies wall durations by the speed of a virtual base', () => {
    const timeBase = { kind: 'virtual', origin: 0, speed: 1_000 } as const
    const facts = { ...exact, timeBase, lagAllowanceMs: 0 }
    const at = (age: number) =>
      freshnessOf({ ...facts, proof: { ...proof, asOf: NOW - age } }).status
    expect(at(3_000_000)).toBe('exact')
    expect(at(3_000_001)).toBe('unproven')
  })
})

import { expect, it } from 'vitest'
import { RiskHistory } from '../../src/monitoring/risk-history.js'

const MINUTE = 60_000
const DAY = 86_400_000

function sampled(instants: Iterable<number>): RiskHistory {
  const history = new RiskHistory()
  for (const asOf of instants) {
    if (history.isDue(asOf)) history.add({ asOf, high: 1, medium: 2, low: 3 })
  }
  return history
}

function* every(step: number, until: number): Generator<number> {
  for (let asOf = 0; asOf <= until; asOf += step) yield asOf
}

it('has a sample a minute at first, and none in between', () => {
  const history = sampled([0, MINUTE - 1, MINUTE, MINUTE + 1, 3 * MINUTE])
  expect(history.samples().map(({ asOf }) => asOf)).toEqual([0, MINUTE, 3 * MINUTE])
  expect(history.version).toBe(3)
})

it('is bounded in number, covers all of its time, and has the newest', () => {
  for (const days of [1, 10, 59]) {
    const samples = sampled(every(7 * MINUTE, days * DAY)).samples()
    expect(samples.length).toBeGreaterThan(55)
    expect(samples.length).toBeLessThanOrEqual(120)
    expect(samples[0].asOf).toBe(0)
    expect(samples.at(-1)!.asOf).toBeGreaterThan(days * DAY * 0.95)
  }
})

it('forgets what is older than sixty days', () => {
  const samples = sampled(every(DAY / 4, 300 * DAY)).samples()
  const newest = samples.at(-1)!.asOf
  expect(newest).toBeGreaterThan(298 * DAY)
  expect(samples[0].asOf).toBeGreaterThanOrEqual(newest - 60 * DAY)
  const gap = sampled([0, 400 * DAY]).samples()
  expect(gap.map(({ asOf }) => asOf)).toEqual([400 * DAY])
})

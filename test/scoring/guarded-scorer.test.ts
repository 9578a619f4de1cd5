import { describe, expect, it } from 'vitest'
import type { FeatureRows } from '../../src/features/rows.js'
import { GuardedScorer, type ScoringObserver } from '../../src/scoring/guarded-scorer.js'
import { openModel } from '../../src/scoring/onnx-scorer.js'
import type { BundleInfo, Degraded, Scorer } from '../../src/scoring/scorer.js'
import { app, fixture, manyRows, rowsOf } from './fixtures.js'

function info(name: string): BundleInfo {
  const hash = name.padEnd(64, '0')
  return { name, version: '1', hash, threshold: 0.5, appHash: app.appHash, synthetic: true }
}

/** A model that answers as told; `answer` may throw. */
function scripted(
  name: string,
  answer: (rows: FeatureRows, from: number, to: number) => number[],
): Scorer {
  return {
    bundle: info(name),
    score: async (rows, from, to) => Float32Array.from(answer(rows, from, to)),
    close: async () => {},
  }
}

const constant = (name: string, value: number): Scorer =>
  scripted(name, (_, from, to) => Array.from({ length: to - from }, () => value))

const broken = (name: string): Scorer =>
  scripted(name, () => {
    throw new Error('runtime fell over')
  })

class Counts implements ScoringObserver {
  readonly served = new Map<string, number>()
  readonly failed: [name: string, reason: Degraded, rows: number, cause: unknown][] = []

  scored(bundle: BundleInfo, rows: number): void {
    this.served.set(bundle.name, (this.served.get(bundle.name) ?? 0) + rows)
  }

  degraded(bundle: BundleInfo, reason: Degraded, rows: number, cause: unknown): void {
    this.failed.push([bundle.name, reason, rows, cause])
  }
}

const floats = (...values: number[]): number[] => values.map(Math.fround)

describe('GuardedScorer', () => {
  it('passes on the scores of a model that answers well', async () => {
    const counts = new Counts()
    const scoring = new GuardedScorer(constant('a', 0.25), constant('b', 0.5), counts)
    const scored = await scoring.score(manyRows(3))
    expect([...scored.probability]).toEqual([0.25, 0.25, 0.25])
    expect([...scored.servedBy]).toEqual([0, 0, 0])
    expect(scored.degraded).toBeNull()
    expect(scored.bundles.map((bundle) => bundle.name)).toEqual(['a', 'b'])
    expect(scoring.inForce.name).toBe('a')
    expect(counts.served).toEqual(new Map([['a', 3]]))
    expect(counts.failed).toEqual([])
  })

  it('takes the fallback for bad rows only and names the reason', async () => {
    const counts = new Counts()
    const bad = [0.1, Number.NaN, -1, 0.2, 1.0000001, Infinity, 0, 1, -Infinity]
    const model = scripted('a', (_, from, to) => bad.slice(from, to))
    const asked: [number, number][] = []
    const fallback = scripted('b', (_, from, to) => {
      asked.push([from, to])
      return Array.from({ length: to - from }, (_, i) => (from + i) / 100)
    })
    const scored = await new GuardedScorer(model, fallback, counts).score(manyRows(9))
    const due = floats(0.1, 0.01, 0.02, 0.2, 0.04, 0.05, 0, 1, 0.08)
    expect([...scored.probability]).toEqual(due)
    expect([...scored.servedBy]).toEqual([0, 1, 1, 0, 1, 1, 0, 0, 1])
    const invalid = 'SCORE_INVALID'
    expect(scored.degraded).toEqual([
      null,
      invalid,
      invalid,
      null,
      invalid,
      invalid,
      null,
      null,
      invalid,
    ])
    expect(asked).toEqual([
      [1, 3],
      [4, 6],
      [8, 9],
    ])
    expect(counts.served).toEqual(
      new Map([
        ['a', 4],
        ['b', 5],
      ]),
    )
    expect(counts.failed).toEqual([['a', invalid, 5, Number.NaN]])
  })

  it('takes the fallback for all rows where the model throws', async () => {
    const counts = new Counts()
    const scored = await new GuardedScorer(broken('a'), constant('b', 0.5), counts).score(
      manyRows(2),
    )
    expect([...scored.probability]).toEqual([0.5, 0.5])
    expect(scored.degraded).toEqual(['SCORER_FAILED', 'SCORER_FAILED'])
    expect([...scored.servedBy]).toEqual([1, 1])
    expect(counts.failed[0].slice(0, 3)).toEqual(['a', 'SCORER_FAILED', 2])
  })

  it('takes the fallback for no row that the model scores alone', async () => {
    const counts = new Counts()
    const touchy = scripted('a', (_, from, to) => {
      if (from <= 1 && to > 1) throw new Error('row 1 is too much')
      return Array.from({ length: to - from }, () => 0.25)
    })
    const scored = await new GuardedScorer(touchy, constant('b', 0.5), counts).score(manyRows(3))
    expect([...scored.probability]).toEqual([0.25, 0.5, 0.25])
    expect(scored.degraded).toEqual([null, 'SCORER_FAILED', null])
    expect([...scored.servedBy]).toEqual([0, 1, 0])
    expect(counts.failed.map((failure) => failure.slice(0, 3))).toEqual([['a', 'SCORER_FAILED', 1]])
    expect(counts.served.get('a')).toBe(2)
  })

  it('takes the fallback for all rows where the answer has another length', async () => {
    const counts = new Counts()
    const short = scripted('a', () => [])
    const scored = await new GuardedScorer(short, constant('b', 0.5), counts).score(manyRows(2))
    expect(scored.degraded).toEqual(['SCORE_INVALID', 'SCORE_INVALID'])
    expect(counts.failed).toEqual([['a', 'SCORE_INVALID', 2, '1 rows got 0 scores']])
  })

  it('takes the fallback where a scorer throws before it returns a promise', async () => {
    const rude: Scorer = {
      ...constant('a', 0),
      score: () => {
        throw new TypeError('rude')
      },
    }
    const scored = await new GuardedScorer(rude, constant('b', 0.5), new Counts()).score(
      manyRows(1),
    )
    expect(scored.degraded).toEqual(['SCORER_FAILED'])
  })

  it('leaves rows without a score only where the fallback fails them too', async () => {
    const counts = new Counts()
    const fallback = scripted('b', (_, from, to) =>
      Array.from({ length: to - from }, (_, i) => (from + i === 1 ? Number.NaN : 0.5)),
    )
    const scored = await new GuardedScorer(broken('a'), fallback, counts).score(manyRows(3))
    expect([...scored.probability]).toEqual([0.5, Number.NaN, 0.5])
    expect(scored.degraded).toEqual(['SCORER_FAILED', 'FALLBACK_FAILED', 'SCORER_FAILED'])
    expect([...scored.servedBy]).toEqual([1, 1, 1])
    expect(counts.failed.map((failure) => failure.slice(0, 3))).toEqual([
      ['a', 'SCORER_FAILED', 3],
      ['b', 'FALLBACK_FAILED', 1],
    ])
    const both = await new GuardedScorer(broken('a'), broken('b'), counts).score(manyRows(2))
    expect([...both.probability]).toEqual([Number.NaN, Number.NaN])
    expect(both.degraded).toEqual(['FALLBACK_FAILED', 'FALLBACK_FAILED'])
  })

  it('works without a fallback', async () => {
    const counts = new Counts()
    const scored = await new GuardedScorer(constant('a', 2), null, counts).score(manyRows(2))
    expect([...scored.probability]).toEqual([Number.NaN, Number.NaN])
    expect(scored.degraded).toEqual(['FALLBACK_FAILED', 'FALLBACK_FAILED'])
    expect([...scored.servedBy]).toEqual([0, 0])
    expect(scored.bundles.length).toBe(1)
    expect(counts.failed.map((failure) => failure[1])).toEqual(['SCORE_INVALID', 'FALLBACK_FAILED'])
  })

  it('answers no rows without asking a model', async () => {
    const scored = await new GuardedScorer(broken('a'), broken('b'), new Counts()).score(
      manyRows(0),
    )
    expect(scored.probability.length).toBe(0)
    expect(scored.degraded).toBeNull()
  })

  it.each([
    ['nan-where-large', 'SCORE_INVALID', [0, 1, 0, 1]],
    ['minus-one-where-large', 'SCORE_INVALID', [0, 1, 0, 1]],
    ['throws-where-large', 'SCORER_FAILED', [0, 1, 0, 1]],
  ] as const)('degrades %s to %s', async (name, reason, servedBy) => {
    const model = await openModel(fixture(name), app)
    const fallback = await openModel(fixture('fallback'), app)
    const rows = rowsOf([{ amount: 10 }, { amount: 5000 }, { plan: 'free' }, { amount: 2000 }])
    const scored = await new GuardedScorer(model, fallback, new Counts()).score(rows)
    expect([...scored.servedBy]).toEqual(servedBy)
    expect(scored.degraded).toEqual(servedBy.map((by) => (by === 1 ? reason : null)))
    const own = await fallback.score(rows, 1, 2)
    expect(scored.probability[1]).toBe(own[0])
    await model.close()
    await fallback.close()
  })
})

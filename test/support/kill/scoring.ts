/** A scorer without a model: a hash of every value, so that no difference of a row hides from it. */
import { crc32 } from 'node:zlib'
import type { FeatureRows } from '../../../src/features/rows.js'
import type { BundleInfo, ScoredRows, Scorer, Scoring } from '../../../src/scoring/scorer.js'

const bundle: BundleInfo = {
  name: 'hash',
  version: '1',
  hash: 'ab'.repeat(32),
  threshold: 0.5,
  appHash: '',
  synthetic: true,
}

function probabilities(rows: FeatureRows, from: number, to: number): Float32Array {
  return Float32Array.from({ length: to - from }, (_, i) => {
    const row = from + i
    const { numericCount, stringCount } = rows
    const numbers = rows.numbers.slice(row * numericCount, (row + 1) * numericCount)
    const texts = Array.from(
      { length: stringCount },
      (__, c) => rows.strings[row * stringCount + c],
    )
    const hash = crc32(JSON.stringify(texts), crc32(Buffer.from(numbers.buffer)))
    return hash / 2 ** 32
  })
}

export const hashScorer: Scorer = {
  bundle,
  score: async (rows, from, to) => probabilities(rows, from, to),
  close: async () => undefined,
}

export const hashScoring: Scoring = {
  inForce: bundle,
  score: async (rows): Promise<ScoredRows> => ({
    probability: probabilities(rows, 0, rows.length),
    servedBy: new Uint8Array(rows.length),
    bundles: [bundle],
    degraded: null,
  }),
}

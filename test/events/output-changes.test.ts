/** A change says what the row and the score say that it was made of. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { changeCommit, OutputChanges } from '../../src/events/output-changes.js'
import { emitted } from '../support/arbitrary-rows.js'

test('a change is what its row and its score say, with or without the score', () => {
  fc.assert(
    fc.property(emitted, ({ layout, output, bytes }) => {
      const changes = new OutputChanges(layout)
      const { asOf, endOffset, commit, cause, retired, values } = output.decodeFeatures(
        bytes.features,
      )
      const { probability, risk } = output.decodeScore(bytes.score)
      const row = { asOf, endOffset, commit, cause, retired, values }
      const scored = changes.encode(bytes.features, bytes.score)
      expect(changes.decode(scored)).toEqual({ ...row, score: { probability, risk } })
      const bare = changes.encode(bytes.features, null)
      expect(changes.decode(bare)).toEqual({ ...row, score: null })
      expect([scored, bare].map(changeCommit)).toEqual([commit, commit])
      const head = { asOf, cause, retired }
      expect(changes.head(bytes.features, bytes.score)).toEqual({
        ...head,
        probability: probability ?? NaN,
        risk,
      })
      expect(changes.head(bytes.features, null)).toEqual({ ...head, probability: NaN, risk: null })
    }),
  )
})

test('bytes that are no change are refused', () => {
  fc.assert(
    fc.property(emitted, ({ layout, bytes }) => {
      const changes = new OutputChanges(layout)
      const change = changes.encode(bytes.features, bytes.score)
      expect(() => changes.decode(change.subarray(0, change.length - 1))).toThrow(RangeError)
      expect(() => changes.decode(Buffer.concat([change, Buffer.alloc(1)]))).toThrow(RangeError)
    }),
  )
})

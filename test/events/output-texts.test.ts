/** Rows as texts say what the rows say. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { OutputRows } from '../../src/events/output-rows.js'
import { OutputTexts } from '../../src/events/output-texts.js'
import { FeatureRows, type Column } from '../../src/features/rows.js'
import { emitted, fill, layoutOf } from '../support/arbitrary-rows.js'

test('the texts of a row and its score are those of what is decoded', () => {
  fc.assert(
    fc.property(emitted, ({ layout, output, bytes, bundle, values, asOf, validUntil }) => {
      const texts = new OutputTexts(layout)
      const { features } = bytes
      const due = layout.columns.map(({ name }, index) => [name, values[index]])
      expect(output.decodeFeatures(features).values).toEqual(Object.fromEntries(due))
      expect(texts.features(features)).toEqual({
        asOf,
        validUntil,
        retired: asOf % 2 === 0,
        values: JSON.stringify(output.decodeFeatures(features).values),
      })
      const { probability, risk } = output.decodeScore(bytes.score)
      const model = `${bundle.name}/${bundle.version}`
      expect(texts.score(bytes.score)).toEqual({ probability, risk, model })
      const short = features.subarray(0, features.length - 1)
      expect(() => texts.features(short)).toThrow(RangeError)
    }),
  )
})

test.each([2 ** 53 - 1, 1 - 2 ** 53, 2 ** 52, -(2 ** 52) - 1, -(2 ** 52) - 2, 63, -64, 64, -65])(
  'the long %d is read as it was written',
  (value) => {
    const columns: Column[] = [{ name: 'value', type: 'long' }]
    const layout = layoutOf(columns)
    const output = new OutputRows(layout)
    const rows = new FeatureRows(columns)
    const row = rows.add('c', 'event')
    fill(rows, [value])
    output.begin({ topic: 't', partition: 0, endOffset: 1, asOf: 0, commit: 1 }, null)
    const bytes = output.features(rows, row)
    expect(output.decodeFeatures(bytes).values).toEqual({ value })
    expect(new OutputTexts(layout).features(bytes).values).toBe(`{"value":${value}}`)
  },
)

/** Rows as texts say what the rows say. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { OutputRows, type RowLayout } from '../../src/events/output-rows.js'
import { OutputTexts } from '../../src/events/output-texts.js'
import { FeatureRows, type Column } from '../../src/features/rows.js'

const safe = { min: Number.MIN_SAFE_INTEGER, max: Number.MAX_SAFE_INTEGER }
const valueOf: Readonly<Record<Column['type'], fc.Arbitrary<number | string | null>>> = {
  long: fc.option(fc.integer(safe)),
  double: fc.option(fc.double({ noNaN: true, noDefaultInfinity: true })),
  string: fc.option(fc.string({ unit: 'binary' })),
}

const column = fc.record({
  name: fc.stringMatching(/^[A-Za-z_][A-Za-z0-9_]{0,8}$/),
  type: fc.constantFrom<Column['type']>('long', 'double', 'string'),
})

const table = fc
  .uniqueArray(column, { selector: ({ name }) => name, maxLength: 8 })
  .chain((columns) =>
    fc.tuple(fc.constant(columns), fc.tuple(...columns.map(({ type }) => valueOf[type]))),
  )

const score = fc.record({
  probability: fc.option(fc.float({ min: 0, max: 1, noNaN: true })),
  risk: fc.constantFrom('high' as const, 'medium' as const, 'low' as const, 'unknown' as const),
  decision: fc.option(fc.boolean()),
  degraded: fc.option(fc.string()),
})

const model = fc.record({
  name: fc.string({ unit: 'binary' }),
  version: fc.string(),
  hash: fc.constant('ab'.repeat(32)),
})

test('the texts of a row and its score are those of what is decoded', () => {
  const instant = fc.integer({ min: 0, max: 8.64e15 })
  const arbitrary = [fc.string(), table, score, model, instant, fc.option(instant)] as const
  fc.assert(
    fc.property(...arbitrary, (customer, [columns, values], scored, bundle, asOf, validUntil) => {
      const layout = layoutOf(columns)
      const output = new OutputRows(layout)
      const rows = new FeatureRows(columns)
      const row = rows.add(customer, 'event')
      fill(rows, values)
      rows.validUntil[row] = validUntil ?? Infinity
      rows.retired[row] = asOf % 2 === 0
      rows.eligible[row] = true
      output.begin({ topic: 't', partition: 3, endOffset: 9, asOf, commit: 7 }, bundle)
      const features = output.features(rows, row)
      const texts = new OutputTexts(layout)
      const due = Object.fromEntries(columns.map(({ name }, index) => [name, values[index]]))
      expect(output.decodeFeatures(features).values).toEqual(due)
      expect(texts.features(features)).toEqual({
        asOf,
        validUntil,
        retired: asOf % 2 === 0,
        values: JSON.stringify(output.decodeFeatures(features).values),
      })
      const bytes = output.score(rows, row, { ...scored, servedBy: bundle })
      const { probability, risk } = output.decodeScore(bytes)
      const model = `${bundle.name}/${bundle.version}`
      expect(texts.score(bytes)).toEqual({ probability, risk, model })
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

function layoutOf(columns: readonly Column[]): RowLayout {
  const ids = { features: 1, scores: 2 }
  return { app: 'test', featureSet: 'test/1', appHash: '11'.repeat(32), columns, ids }
}

function fill(rows: FeatureRows, values: readonly (number | string | null)[]): void {
  let number = 0
  let text = 0
  rows.columns.forEach(({ type }, index) => {
    const value = values[index]
    if (type === 'string') rows.strings[text++] = value as string | null
    else rows.numbers[number++] = value === null ? NaN : (value as number)
  })
}

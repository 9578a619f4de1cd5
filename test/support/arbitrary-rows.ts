/** Random output rows: any columns, any values, any score. */
import fc from 'fast-check'
import { OutputRows, type RowLayout } from '../../src/events/output-rows.js'
import { FeatureRows, type Column } from '../../src/features/rows.js'

export type Value = number | string | null

const safe = { min: Number.MIN_SAFE_INTEGER, max: Number.MAX_SAFE_INTEGER }
const valueOf: Readonly<Record<Column['type'], fc.Arbitrary<Value>>> = {
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

const bundle = fc.record({
  name: fc.string({ unit: 'binary' }),
  version: fc.string(),
  hash: fc.constant('ab'.repeat(32)),
})

const instant = fc.integer({ min: 0, max: 8.64e15 })

const fields = {
  customer: fc.string(),
  table,
  score,
  bundle,
  asOf: instant,
  validUntil: fc.option(instant),
}

/** A row with its score, as bytes, and the layout and writer that they are of. */
export const emitted = fc.record(fields).map((drawn) => {
  const {
    customer,
    table: [columns, values],
    bundle: model,
    asOf,
    validUntil,
  } = drawn
  const layout = layoutOf(columns)
  const output = new OutputRows(layout)
  const rows = new FeatureRows(columns)
  const row = rows.add(customer, 'event')
  fill(rows, values)
  rows.validUntil[row] = validUntil ?? Infinity
  rows.retired[row] = asOf % 2 === 0
  rows.eligible[row] = true
  output.begin({ topic: 't', partition: 3, endOffset: 9, asOf, commit: 7 }, model)
  const bytes = {
    features: output.features(rows, row),
    score: output.score(rows, row, { ...drawn.score, servedBy: model }),
  }
  return { ...drawn, values, layout, output, bytes }
})

export function layoutOf(columns: readonly Column[]): RowLayout {
  const ids = { features: 1, scores: 2 }
  return { app: 'test', featureSet: 'test/1', appHash: '11'.repeat(32), columns, ids }
}

/** The values of the only row. */
export function fill(rows: FeatureRows, values: readonly Value[]): void {
  let number = 0
  let text = 0
  rows.columns.forEach(({ type }, index) => {
    const value = values[index]
    if (type === 'string') rows.strings[text++] = value as string | null
    else rows.numbers[number++] = value === null ? NaN : (value as number)
  })
}

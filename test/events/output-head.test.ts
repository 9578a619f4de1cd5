import { expect, test } from 'vitest'
import { commitOf } from '../../src/events/output-head.js'
import { OutputRows } from '../../src/events/output-rows.js'
import { FeatureRows } from '../../src/features/rows.js'

const columns = [{ name: 'n', type: 'long' }] as const
const layout = {
  app: 'test',
  featureSet: 'test/1',
  appHash: '11'.repeat(32),
  columns,
  ids: { features: 1, scores: 2 },
}

test.each(['c', 'ü'.repeat(200), ''])('the commit of a row is read behind customer %s', (id) => {
  const output = new OutputRows(layout)
  const rows = new FeatureRows(columns)
  const row = rows.add(id, 'event')
  rows.validUntil[row] = Infinity
  rows.retired[row] = false
  rows.eligible[row] = true
  for (const commit of [0, 1, 63, 64, 8191, 8192, 2 ** 31, 2 ** 40 + 1]) {
    const at = { topic: 'test.events', partition: 3, endOffset: 2 ** 33, asOf: 1.7e12, commit }
    output.begin(at, null)
    expect(commitOf(output.features(rows, row))).toBe(commit)
  }
})

test('bytes that end before the commit have none', () => {
  expect(commitOf(Buffer.from([0, 0, 0, 0, 1]))).toBe(null)
  expect(commitOf(Buffer.from([0, 0, 0, 0, 1, 2, 99, 200]))).toBe(null)
  expect(commitOf(Buffer.alloc(40, 255))).toBe(null)
})

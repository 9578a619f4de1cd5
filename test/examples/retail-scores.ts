/** Rows of a training set scored in this process, and how well the scores order them. */
import { FeatureRows } from '../../src/features/rows.js'
import type { OnnxScorer } from '../../src/scoring/onnx-scorer.js'
import type { ParquetRow } from '../support/parquet.js'
import { app } from './retail-app.js'

/** The probability of each row. */
export function probabilitiesOf(
  scorer: OnnxScorer,
  rows: readonly ParquetRow[],
): Promise<Float32Array> {
  const { columns } = app.engine
  const given = new FeatureRows(columns, rows.length)
  let number = 0
  for (const row of rows) {
    given.add(row['customer_id'] as string, 'event')
    for (const { name, type } of columns) {
      if (type === 'string') given.strings.push(row[name] as string | null)
      else given.numbers[number++] = (row[name] as number | null) ?? Number.NaN
    }
  }
  return scorer.score(given, 0, given.length)
}

/**
 * The probability that a row with label 1 scores above one with label 0, ties counted by half
 * (Mann and Whitney 1947).
 */
export function areaUnderCurve(rows: readonly ParquetRow[], scores: Float32Array): number {
  const order = rows.map((row, i) => ({ label: row['label'] as number, score: scores[i] }))
  order.sort((a, b) => a.score - b.score)
  let rankSum = 0
  for (let from = 0, to = 0; from < order.length; from = to) {
    while (to < order.length && order[to].score === order[from].score) to++
    const meanRank = (from + 1 + to) / 2
    for (let i = from; i < to; i++) rankSum += order[i].label * meanRank
  }
  const lapsed = order.filter(({ label }) => label === 1).length
  const stayed = order.length - lapsed
  return (rankSum - (lapsed * (lapsed + 1)) / 2) / (lapsed * stayed)
}

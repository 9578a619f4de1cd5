import { expect, it } from 'vitest'
import { FeatureRows } from '../../src/features/rows.js'
import { observeCommit, type ObservedCommit } from '../../src/monitoring/observe-commit.js'
import { ScoreBoard } from '../../src/monitoring/score-board.js'

it('a commit shows its scores with cause and risk, and hides whom it erased', () => {
  const rows = new FeatureRows([])
  for (const customer of ['a', 'b', 'c']) rows.add(customer, customer === 'b' ? 'time' : 'event')
  const commit = {
    rows,
    scores: { probability: Float32Array.of(0.25, 0.75, NaN) },
    position: { asOf: 17, commit: 4, endOffset: 90 },
    erased: ['a'],
    rejected: [],
    late: [],
  } as unknown as ObservedCommit
  const board = new ScoreBoard()
  observeCommit(board, commit, 3)
  expect(board.changesAfter(0, 9)).toEqual([
    {
      customer: 'b',
      cause: 'time',
      partition: 3,
      endOffset: 90,
      asOf: 17,
      probability: 0.75,
      risk: 'high',
      commit: 4,
      sequence: 2,
      previous: null,
    },
  ])
  expect(board.counts()).toContainEqual({ cause: 'event', risk: 'unknown', count: 1 })
})

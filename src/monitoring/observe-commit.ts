import type { DeliveredCommit } from '../operators/deliver.js'
import { riskLevelOf } from '../scoring/risk.js'
import type { BoardRow, ScoreBoard } from './score-board.js'

/** What of a durable commit the board looks at. */
export type ObservedCommit = Pick<
  DeliveredCommit<unknown>,
  'rows' | 'scores' | 'position' | 'erased'
>

/** Shows a durable commit to the board: its scores, and whom it erased. */
export function observeCommit(board: ScoreBoard, commit: ObservedCommit): void {
  board.observe(boardRows(commit))
  for (const customer of commit.erased) board.forget(customer)
}

function* boardRows({ rows, scores, position }: ObservedCommit): Generator<BoardRow> {
  for (let row = 0; row < rows.length; row++) {
    const probability = scores.probability[row]
    yield {
      customer: rows.customers[row],
      cause: rows.causes[row],
      asOf: position.asOf,
      probability,
      risk: riskLevelOf(probability) ?? 'unknown',
      commit: position.commit,
    }
  }
}

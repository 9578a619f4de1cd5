import type { OutputRows } from '../events/output-rows.js'
import type { SnapshotStore } from '../snapshots/snapshots.js'
import type { ScoreBoard } from './score-board.js'

/**
 * Shows the board the scores of before this process, as many as it keeps: a few microseconds each,
 * so half a second at most. To be called before anything is committed.
 */
export async function fillBoard(
  board: ScoreBoard,
  snapshots: Pick<SnapshotStore, 'scan'>,
  rows: Pick<OutputRows, 'decodeScore'>,
): Promise<void> {
  for await (const portion of snapshots.scan()) {
    for (const { customer, score } of portion) {
      if (board.isFull) return
      const probability = score === null ? null : rows.decodeScore(score).probability
      if (probability !== null) board.remember(customer, probability)
    }
  }
}

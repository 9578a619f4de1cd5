import type { DeliveredCommit } from '../operators/deliver.js'
import { riskLevelOf } from '../scoring/risk.js'
import type { RefusedRecord } from './refused-records.js'
import type { BoardRow } from './board-row.js'
import type { ScoreBoard } from './score-board.js'

/** What of a durable commit the board looks at. */
export type ObservedCommit = Pick<
  DeliveredCommit<unknown>,
  'rows' | 'scores' | 'position' | 'erased' | 'rejected' | 'late'
>

type Refused = ObservedCommit['rejected'][number]

type Mutable<T> = { -readonly [K in keyof T]: T[K] }

/** More of a commit than are kept is not even looked at. */
const REFUSED_MAX = 5

/** Shows a durable commit to the board: its scores, what it refused, and whom it erased. */
export function observeCommit(board: ScoreBoard, commit: ObservedCommit, partition: number): void {
  observeScores(board, commit, partition)
  board.sample(commit.position.asOf)
  const { rejected, late } = commit
  if (rejected.length > 0) board.refused.rejected(refused(rejected, partition, rejectReason))
  if (late.length > 0) board.refused.late(refused(late, partition, lateReason))
  for (const customer of commit.erased) board.forget(customer)
}

function observeScores(
  board: ScoreBoard,
  { rows, scores, position }: ObservedCommit,
  partition: number,
): void {
  const { asOf, commit, endOffset } = position
  // One object for all: what the board keeps of it, it copies.
  const row: Mutable<BoardRow> = {
    customer: '',
    cause: 'event',
    partition,
    endOffset,
    asOf,
    probability: NaN,
    risk: 'unknown',
    commit,
  }
  for (let index = 0; index < rows.length; index++) {
    row.customer = rows.customers[index]
    row.cause = rows.causes[index]
    row.probability = scores.probability[index]
    row.risk = riskLevelOf(row.probability) ?? 'unknown'
    board.add(row)
  }
}

function refused(
  items: readonly Refused[],
  partition: number,
  reasonOf: (item: Refused) => string,
): RefusedRecord[] {
  return items.slice(-REFUSED_MAX).map((item) => ({
    partition,
    offset: item.record.offset,
    customer: item.record.key?.toString('utf8') ?? '',
    code: item.reject?.code ?? null,
    reason: reasonOf(item),
  }))
}

const rejectReason = ({ reject }: Refused): string => reject?.reason ?? ''

function lateReason({ body, bound }: Refused): string {
  const occurred = body === null ? 'it' : `it occurred at ${isoOf(body.occurred_at)}, and`
  return `${occurred} nothing before ${isoOf(bound)} is kept any more`
}

const isoOf = (instant: number): string => new Date(instant).toISOString()

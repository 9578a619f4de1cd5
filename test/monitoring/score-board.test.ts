import { describe, expect, it } from 'vitest'
import type { BoardRow } from '../../src/monitoring/board-row.js'
import { ScoreBoard } from '../../src/monitoring/score-board.js'

function row(customer: string, probability: number, cause: BoardRow['cause'] = 'event'): BoardRow {
  return {
    customer,
    probability,
    cause,
    asOf: 1,
    risk: 'low',
    commit: 1,
    partition: 0,
    endOffset: 9,
  }
}

const total = (board: ScoreBoard) => board.histogram().reduce((sum, n) => sum + n, 0)

describe('the score board', () => {
  it('counts each customer once, by the newest score', () => {
    const board = new ScoreBoard()
    board.observe([row('a', 0.01), row('b', 0.99), row('a', 0.99), row('c', 1)])
    expect(board.histogram()[0]).toBe(0)
    expect(board.histogram()[19]).toBe(3)
  })

  it('shows scores of before this start, as no change and no count, and never over newer ones', () => {
    const board = new ScoreBoard({ customersMax: 3 })
    board.observe([row('a', 0.9)])
    for (const [customer, score] of [
      ['a', 0.1],
      ['b', 0.2],
      ['c', 0.3],
      ['d', 0.4],
    ] as const) {
      board.remember(customer, score)
    }
    expect([board.isFull, total(board), board.sequence]).toEqual([true, 3, 1])
    expect(board.histogram()[18]).toBe(1)
    expect(board.counts().reduce((sum, { count }) => sum + count, 0)).toBe(1)
    board.observe([row('b', 0.7, 'time')])
    expect(board.changesAfter(1, 9)).toMatchObject([{ customer: 'b', previous: 0.2 }])
  })

  it('tells the old score with the new one, and nothing of moves too small to be seen', () => {
    const board = new ScoreBoard()
    board.observe([row('a', 0.1), row('a', 0.1004), row('a', 0.3, 'time')])
    expect(board.changesAfter(0, 9)).toMatchObject([
      { customer: 'a', previous: null, probability: 0.1, cause: 'event' },
      { customer: 'a', previous: 0.1004, probability: 0.3, cause: 'time' },
    ])
  })

  it('is bounded in customers: who was scored longest ago goes first', () => {
    const board = new ScoreBoard({ customersMax: 2 })
    board.observe([row('a', 0.1), row('b', 0.2), row('a', 0.3), row('c', 0.4)])
    expect(total(board)).toBe(2)
    board.observe([row('a', 0.9), row('b', 0.9)])
    expect(board.changesAfter(0, 9).map(({ previous }) => previous)).toEqual([null, 0.3, null])
  })

  it('keeps the changes of a rare cause while a busy one floods', () => {
    const board = new ScoreBoard({ changesMax: 10 })
    board.observe([row('quiet', 0.1, 'time')])
    for (let n = 0; n < 1_000; n++) board.observe([row(`c${n}`, 0.5)])
    const changes = board.changesAfter(0, 100)
    expect(changes).toHaveLength(11)
    expect(changes[0].customer).toBe('quiet')
  })

  it('gives the largest moves after a sequence, oldest first', () => {
    const board = new ScoreBoard()
    board.observe([row('a', 0.5), row('b', 0.5), row('c', 0.5)])
    const { sequence } = board
    board.observe([row('a', 0.6), row('b', 0.9), row('c', 0.2)])
    expect(board.changesAfter(sequence, 2).map(({ customer }) => customer)).toEqual(['b', 'c'])
  })

  it('counts a score that nobody could make as of unknown risk, and shows it nowhere', () => {
    const board = new ScoreBoard()
    board.observe([{ ...row('a', NaN), risk: 'unknown' }])
    expect(total(board)).toBe(0)
    expect(board.changesAfter(0, 9)).toEqual([])
    expect(board.counts()).toContainEqual({ cause: 'event', risk: 'unknown', count: 1 })
  })

  it('forgets an erased customer', () => {
    const board = new ScoreBoard()
    board.observe([row('a', 0.1), row('b', 0.2)])
    board.forget('a')
    expect(total(board)).toBe(1)
    expect(board.changesAfter(0, 9).map(({ customer }) => customer)).toEqual(['b'])
  })
})

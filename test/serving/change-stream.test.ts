/** `GET /v1/changes`. */
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { ScoreBoard } from '../../src/monitoring/score-board.js'
import { ChangeStream } from '../../src/serving/change-stream.js'
import { Listener, respond } from './listener.js'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

const place = { partition: 2, endOffset: 900, asOf: 0, risk: 'high', commit: 7 } as const

function opened() {
  const board = new ScoreBoard()
  const stream = new ChangeStream(board, 'churn.events', 'life')
  const listen = (lastEventId?: string) => {
    const listener = new Listener()
    stream.add(respond(listener), lastEventId)
    return listener
  }
  const move = (customer: string, probability: number, cause: 'event' | 'time' = 'event') =>
    board.observe([{ ...place, customer, probability, cause }])
  return { stream, listen, move }
}

const idOf = (listener: Listener) => /^id: (\S+)$/m.exec(listener.heard.at(-1)!)?.[1]

it('tells of a score before and after, why it moved, and at which coordinates', () => {
  const { stream, listen, move } = opened()
  const listener = listen()
  expect(listener.facts()).toEqual([{ changes: [], leftOut: 0 }])
  move('a', 0.25)
  move('a', 0.75, 'time')
  vi.advanceTimersByTime(1_000)
  const [, { changes, leftOut }] = listener.facts()
  const coordinates = {
    topic: 'churn.events',
    partition: 2,
    endOffset: 900,
    asOf: '1970-01-01T00:00:00.000Z',
    commit: 7,
  }
  const both = { customer: 'a', risk: 'high', coordinates }
  expect([changes, leftOut]).toEqual([
    [
      { ...both, before: null, after: 0.25, cause: 'event' },
      { ...both, before: 0.25, after: 0.75, cause: 'time' },
    ],
    0,
  ])
  vi.advanceTimersByTime(1_000)
  expect(listener.heard.at(-1)).toBe(':\n\n')
  stream.close()
  expect(vi.getTimerCount()).toBe(0)
})

it('leaves out what is too much, and says how much that was', () => {
  const { stream, listen, move } = opened()
  const listener = listen()
  for (let n = 0; n < 500; n++) move(`c${n}`, 0.5)
  vi.advanceTimersByTime(1_000)
  const { changes, leftOut } = listener.facts()[1]
  expect([(changes as unknown[]).length, leftOut]).toEqual([40, 460])
  stream.close()
})

it('goes on behind what was heard last where somebody comes back', () => {
  const { stream, listen, move } = opened()
  const first = listen()
  move('a', 0.1)
  vi.advanceTimersByTime(1_000)
  const id = idOf(first)
  first.emit('close')
  move('b', 0.2)
  move('b', 0.3)
  const again = listen(id)
  expect(again.facts()).toMatchObject([{ changes: [{ customer: 'b', after: 0.3 }], leftOut: 1 }])
  // He knows of these, and hears what is new once.
  move('c', 0.4)
  vi.advanceTimersByTime(1_000)
  expect(again.facts().at(-1)).toMatchObject({ changes: [{ customer: 'c' }], leftOut: 0 })
  stream.close()
})

it.each(['other-3', 'life-99', 'life', 'life-1-1', 'life-x', ''])(
  'does not know what came before the id %j, and says so',
  (id) => {
    const { stream, listen, move } = opened()
    move('a', 0.1)
    expect(listen(id).facts()).toEqual([{ changes: [], leftOut: null }])
    stream.close()
  },
)

it('gives a reader who was slow the newest, and nothing of what he missed in between', () => {
  const { stream, listen, move } = opened()
  const [slow, quick] = [listen(), listen()]
  slow.full = true
  for (let n = 0; n < 5; n++) {
    move('a', n / 10 + 0.1)
    vi.advanceTimersByTime(1_000)
  }
  expect([slow.facts().length, quick.facts().length]).toEqual([2, 6])
  slow.full = false
  slow.emit('drain')
  vi.advanceTimersByTime(1_000)
  expect(slow.facts().at(-1)).toMatchObject({
    changes: [{ customer: 'a', after: 0.5 }],
    leftOut: 3,
  })
  stream.close()
})

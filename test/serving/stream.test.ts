import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { ScoreBoard } from '../../src/monitoring/score-board.js'
import { StatusStream } from '../../src/serving/stream.js'
import type { EngineStatus } from '../../src/topology/status.js'
import { Listener, respond } from './listener.js'
import { engineStatus } from './made-up.js'

const board = new ScoreBoard()
const row = {
  cause: 'event',
  partition: 0,
  endOffset: 9,
  asOf: 1,
  risk: 'high',
  commit: 1,
} as const

function streamOf(
  status: () => EngineStatus = () => engineStatus(),
  top: () => Promise<object> = async () => ({ customers: [] }),
) {
  return new StatusStream({ engine: { status }, board, top })
}

describe('the stream', () => {
  beforeEach(() => void vi.useFakeTimers())
  afterEach(() => void vi.useRealTimers())

  it('makes one portion a second for all, and none while nobody listens', () => {
    const status = vi.fn<() => EngineStatus>(() => engineStatus())
    const stream = streamOf(status)
    const listeners = [new Listener(), new Listener()]
    for (const listener of listeners) stream.add(respond(listener))
    status.mockClear()
    vi.advanceTimersByTime(3_000)
    expect(status).toHaveBeenCalledTimes(3)
    expect(listeners.map(({ heard }) => heard.length)).toEqual([4, 4])
    for (const listener of listeners) listener.emit('close')
    vi.advanceTimersByTime(3_000)
    expect(status).toHaveBeenCalledTimes(3)
  })

  it('gives a full socket nothing, and cuts it off after fifteen seconds', () => {
    const stream = streamOf()
    const [slow, stuck, other] = [new Listener(), new Listener(), new Listener()]
    slow.full = true
    stuck.full = true
    for (const listener of [slow, stuck, other]) stream.add(respond(listener))
    vi.advanceTimersByTime(5_000)
    expect(slow.heard).toHaveLength(1)
    slow.full = false
    slow.emit('drain')
    vi.advanceTimersByTime(20_000)
    expect(slow.heard.length).toBeGreaterThan(15)
    expect(stuck.heard).toHaveLength(1)
    expect([slow.destroyed, stuck.destroyed]).toEqual([false, true])
    expect(other.heard).toHaveLength(26)
    stream.close()
    expect(vi.getTimerCount()).toBe(0)
  })

  it('takes a bounded number of listeners', () => {
    const stream = streamOf()
    for (let n = 0; n < 64; n++) {
      expect(stream.isFull).toBe(false)
      stream.add(respond(new Listener()))
    }
    expect(stream.isFull).toBe(true)
    stream.close()
    expect(stream.isFull).toBe(false)
  })

  it('has what changes rarely in the first portion and behind a change only', async () => {
    const top = vi.fn<() => Promise<object>>(async () => ({ customers: ['a'] }))
    const stream = streamOf(undefined, top)
    const [first, second] = [new Listener(), new Listener()]
    board.observe([{ ...row, customer: 'a', probability: 0.9 }])
    board.sample(0)
    stream.add(respond(first))
    await vi.advanceTimersByTimeAsync(4_000)
    stream.add(respond(second))
    const has = (listener: Listener, name: string) => listener.facts().map((facts) => name in facts)
    expect(has(first, 'distribution')).toEqual([true, false, false, false, false])
    expect(has(first, 'top')).toEqual([false, true, false, false, false])
    expect([has(second, 'distribution'), has(second, 'top')]).toEqual([[true], [true]])
    board.sample(60_000)
    await vi.advanceTimersByTimeAsync(2_000)
    expect(has(first, 'distribution').slice(5)).toEqual([true, false])
    expect(top).toHaveBeenCalledTimes(2)
    stream.close()
  })

  it('gives who has missed a portion all that may have changed in it', async () => {
    const stream = streamOf()
    const slow = new Listener()
    stream.add(respond(slow))
    await vi.advanceTimersByTimeAsync(2_000)
    slow.full = true
    await vi.advanceTimersByTimeAsync(3_000)
    slow.full = false
    slow.emit('drain')
    await vi.advanceTimersByTimeAsync(2_000)
    const has = slow.facts().map((facts) => 'distribution' in facts && 'top' in facts)
    expect(has).toEqual([false, false, false, false, true, false])
    stream.close()
  })

  it('goes on with the top lists it has where nobody can be asked for newer ones', async () => {
    const top = async () => Promise.reject(new Error('away'))
    const stream = streamOf(undefined, top)
    const listener = new Listener()
    stream.add(respond(listener))
    await vi.advanceTimersByTimeAsync(6_000)
    expect(listener.facts()).toHaveLength(7)
    stream.close()
  })
})

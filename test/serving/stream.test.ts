import { EventEmitter } from 'node:events'
import type { ServerResponse } from 'node:http'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { ScoreBoard } from '../../src/monitoring/score-board.js'
import { StatusStream } from '../../src/serving/stream.js'
import type { EngineStatus } from '../../src/topology/status.js'
import { engineStatus } from './made-up.js'

/** A response whose socket may be full. */
class Listener extends EventEmitter {
  heard: string[] = []
  full = false
  readonly writeHead = () => this
  readonly write = (text: string) => {
    this.heard.push(text)
    return !this.full
  }
  readonly end = () => this.emit('close')
  destroyed = false
  readonly destroy = () => {
    this.destroyed = true
    return this.emit('close')
  }
}

const respond = (listener: Listener) => listener as unknown as ServerResponse

describe('the stream', () => {
  beforeEach(() => void vi.useFakeTimers())
  afterEach(() => void vi.useRealTimers())

  it('makes one portion a second for all, and none while nobody listens', () => {
    const status = vi.fn<() => EngineStatus>(() => engineStatus())
    const stream = new StatusStream({ status }, new ScoreBoard())
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
    const stream = new StatusStream({ status: () => engineStatus() }, new ScoreBoard())
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
    const stream = new StatusStream({ status: () => engineStatus() }, new ScoreBoard())
    for (let n = 0; n < 32; n++) {
      expect(stream.isFull).toBe(false)
      stream.add(respond(new Listener()))
    }
    expect(stream.isFull).toBe(true)
    stream.close()
    expect(stream.isFull).toBe(false)
  })
})

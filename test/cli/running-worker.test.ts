/** What a worker does when another generation is asked for. */
import { expect, onTestFinished, test, vi } from 'vitest'
import { RunningWorker } from '../../src/cli/running-worker.js'
import type { WorkerGeneration } from '../../src/cli/worker-generation.js'
import { configurationError } from '../../src/errors.js'
import { MapSnapshots } from '../support/topology.js'

/** A worker of generation 1 whose next ones are opened by the test. */
function started(open: (number: number) => Promise<WorkerGeneration>) {
  const told: string[] = []
  const list = { asked: 1, catchUp: async () => undefined }
  const member = {
    done: new Promise<void>(() => undefined),
    status: () => ({}) as never,
    stop: async () => undefined,
    switchTo: vi.fn<() => Promise<boolean>>(async () => true),
  }
  const note = (text: string): void => void told.push(text)
  const switched = (): void => void told.push('switched')
  const worker = new RunningWorker(generation(1, told), member, list, open, note, switched)
  onTestFinished(() => worker.settle())
  const ask = (number: number): void => {
    list.asked = number
    worker.wake()
  }
  return { worker, member, told, ask }
}

function generation(number: number, told: string[]): WorkerGeneration {
  const snapshots = new MapSnapshots()
  const log = { partitions: () => 1 }
  const parts = { snapshots, log, topics: { events: 'test.events' } }
  const close = async (): Promise<void> => void told.push(`${number} is closed`)
  return { number, parts, stores: new Map(), close } as unknown as WorkerGeneration
}

test('goes on as what it runs while it cannot open what is asked for, and tells why once', async () => {
  let isThere = false
  const { worker, member, told, ask } = started(async (number) => {
    if (!isThere) throw configurationError('BUNDLE_MISSING', 'no bundle has the hash 12')
    return generation(number, told)
  })
  ask(2)
  const text =
    'generation 2 is asked for and cannot be opened: BUNDLE_MISSING: no bundle has the hash 12'
  const refused = [{ code: 'GENERATION_REFUSED', text }]
  await vi.waitFor(() => expect(worker.notReady).toEqual(refused))
  worker.wake()
  await vi.waitFor(() => expect(told).toEqual([text]))
  expect([worker.current.number, member.switchTo.mock.calls.length]).toEqual([1, 0])
  isThere = true
  await vi.waitFor(() => {
    worker.wake()
    expect(worker.current.number).toBe(2)
  })
  await vi.waitFor(() => expect(told.at(-1)).toBe('1 is closed'))
  expect(told).toEqual([text, 'switched', 'generation 2 runs in place of 1', '1 is closed'])
  expect(worker.notReady).toEqual([])
})

test('is ready again where what it cannot open is no longer asked for', async () => {
  const { worker, ask } = started(async () => Promise.reject(new Error('away')))
  ask(2)
  await vi.waitFor(() => expect(worker.notReady).toHaveLength(1))
  ask(1)
  await vi.waitFor(() => expect(worker.notReady).toEqual([]))
  expect(worker.current.number).toBe(1)
})

test('closes what it has opened where a stop came before the switch', async () => {
  const { worker, member, told, ask } = started(async (number) => generation(number, told))
  member.switchTo.mockResolvedValue(false)
  ask(2)
  await vi.waitFor(() => expect(told).toContain('2 is closed'))
  expect(told).not.toContain('1 is closed')
  expect(worker.current.number).toBe(1)
})

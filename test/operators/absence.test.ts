/** Windows close because time has passed, without an event: by ticks of a log with a wall clock. */
import { expect, test } from 'vitest'
import { OutputRows } from '../../src/events/output-rows.js'
import { jsonEvents, topology, tumbling } from '../../src/index.js'
import { topicsOf } from '../../src/log/log.js'
import { MemoryLog } from '../../src/log/memory-log.js'
import { verifyTopology } from '../../src/replay/verify-topology.js'
import { MemoryStoreHome } from '../../src/state/memory-store.js'
import { startEngine } from '../../src/topology/engine.js'
import { topologyParts } from '../../src/topology/topology-parts.js'
import { recordsOf } from '../support/outputs.js'

const counts = topology({
  name: 'counts',
  events: jsonEvents({ hit: {} }),
  operators: (hits$) => hits$,
  aggregate: { window: tumbling('10ms'), values: (fold) => ({ count: fold.count() }) },
})
const topics = topicsOf(counts.name)

test('a window closes by a tick, and an event that still gets in makes it be told again', async () => {
  let now = 5
  const log = new MemoryLog({ timeBase: { kind: 'wall' }, clock: () => now })
  const home = new MemoryStoreHome()
  let wall = 0
  const settings = { idleWaitMs: 0, lagAllowanceMs: 0, wallClock: () => wall }
  const hit = async (occurred_at: number): Promise<void> => {
    const transaction = log.begin('input')
    const body = { event_id: '', customer_id: 'a', occurred_at }
    const value = counts.codec.encode('hit', body)
    transaction.append(topics.events, 0, {
      key: Buffer.from('a'),
      value,
      timestamp: 5,
      headers: null,
    })
    await transaction.commit()
  }
  const told = async (): Promise<unknown[]> => {
    const output = new OutputRows(counts.layout)
    const records = await recordsOf(log, topics.features, 0)
    return records.map(({ value }) => {
      const { cause, retired, values } = output.decodeFeatures(value!)
      return [cause, retired, values['window_start'], values['count']]
    })
  }
  const engine = startEngine(topologyParts(counts, { log, home, incarnation: 'a', settings }), {
    app: counts.name,
    synthetic: true,
  })
  await hit(3)
  await engine.idle()
  expect(await told()).toEqual([])
  now = 11
  await rowsOf(1)
  expect(await told()).toEqual([['time', true, 0, 1]])
  // The log clock is still inside the window.
  await hit(8)
  await rowsOf(2)
  expect((await told())[1]).toEqual(['event', true, 0, 2])
  await engine.stop()
  const scratch = new MemoryStoreHome()
  const report = await verifyTopology(counts, { log, scratch: (p) => scratch.open(p) })
  expect(report).toMatchObject({ ok: true, rows: 2, records: 2 })

  async function rowsOf(count: number): Promise<void> {
    for (let turn = 0; turn < 10_000; turn++) {
      if ((await log.endOffset(topics.features, 0)) >= count) return
      // A tick a turn: the poll under way may have read the clock before it moved.
      wall += 1000
      await new Promise(setImmediate)
    }
  }
})

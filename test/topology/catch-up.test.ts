/** What a partition does first that has just been opened and has much to catch up with. */
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test, vi } from 'vitest'
import { MemoryLog } from '../../src/log/memory-log.js'
import type { Position } from '../../src/operators/position.js'
import { startEngine } from '../../src/topology/engine.js'
import { MapHome, testTopology } from '../support/topology.js'

const start = Date.UTC(2024, 0, 1)

/** Stores from which reading takes a while, as from a disk that others use too. */
class SlowHome extends MapHome {
  override async open(partition: number) {
    const store = await super.open(partition)
    const getMany = store.getMany.bind(store)
    return Object.assign(store, {
      getMany: async (keys: readonly Uint8Array[]) => {
        await sleep(60)
        return getMany(keys)
      },
    })
  }
}

test('its first commit holds little, and is not made larger by what was read ahead', async () => {
  const log = new MemoryLog({ timeBase: { kind: 'none' } })
  const transaction = log.begin('producer')
  for (let i = 0; i < 6_000; i++) {
    const body = { event_id: `e${i}`, customer_id: `c${i}`, occurred_at: start + i }
    const value = Buffer.from(JSON.stringify(body))
    const record = { key: Buffer.from(`c${i}`), value, timestamp: start + i, headers: null }
    transaction.append('test.events', 0, record)
  }
  await transaction.commit()
  const { parts } = testTopology(log, { commitAgeMsMax: 50 })
  const engine = startEngine({ ...parts, home: new SlowHome() }, { app: 'test', synthetic: true })
  const first = await vi.waitFor(
    async () => {
      const reader = log.reader('test.changelog', 0, 0)
      const { records } = await reader.poll(1, 0)
      await reader.close()
      return JSON.parse(String(records[0].value)) as Position
    },
    { timeout: 5_000, interval: 10 },
  )
  expect(first.endOffset).toBe(64)
  await engine.idle()
  await engine.stop()
})

/** Damage to the state of a running engine is found by its scrub, and mended from the log. */
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { exitCode, TidemarkError } from '../../src/errors.js'
import { MemoryLog } from '../../src/log/memory-log.js'
import { LevelStoreHome } from '../../src/state/level-store-home.js'
import type { StoreHome } from '../../src/state/store.js'
import { startEngine } from '../../src/topology/engine.js'
import type { CountState } from '../support/count-program.js'
import { flipInTable } from '../support/rot.js'
import { tempFolder } from '../support/temp-folder.js'
import { testTopology } from '../support/topology.js'

const start = Date.UTC(2024, 0, 1)
const identity = { app: 'test', synthetic: true }

async function filledLog(): Promise<MemoryLog> {
  const log = new MemoryLog({ timeBase: { kind: 'none' } })
  const transaction = log.begin('producer')
  for (let i = 0; i < 2000; i++) {
    const at = start + i * 60_000
    const customer = `c${i % 500}`
    const body = { event_id: `e${i}`, customer_id: customer, occurred_at: at }
    const value = Buffer.from(JSON.stringify(body))
    const record = { key: Buffer.from(customer), value, timestamp: at, headers: null }
    transaction.append('test.events', 0, record)
  }
  await transaction.commit()
  return log
}

const digestOf = (position: Uint8Array): string =>
  (JSON.parse(Buffer.from(position).toString()) as { digest: string }).digest

/** An engine that scrubs all the time, over a home; `aside` is what it says of a bad store. */
function scrubbing(log: MemoryLog, home: StoreHome) {
  const { parts } = testTopology(log, { scrubEveryMs: 1, scrubShare: 1 })
  let say: (text: string) => void
  const aside = new Promise<string>((resolve) => (say = resolve))
  const note = (text: string) => {
    if (text.includes('set aside')) say(text)
  }
  return { engine: startEngine<CountState>({ ...parts, home, note }, identity), aside }
}

test('a byte that flips in a live table has the store set aside and made again, with nothing lost', async () => {
  const log = await filledLog()
  const directory = await tempFolder()
  const home = new LevelStoreHome(directory, 'state')
  const first = startEngine({ ...testTopology(log).parts, home }, identity)
  await first.idle()
  await first.stop()
  const before = await home.open(0)
  const due = digestOf((await before.position())!)
  await before.close()
  const commits = await log.endOffset('test.changelog', 0)

  const { engine, aside } = scrubbing(log, home)
  await engine.idle()
  expect(engine.status().partitions[0].customers).toBe(500)
  await flipInTable(join(directory, '0'))
  expect(await aside).toMatch(
    /store of partition 0 set aside as .*damaged-1: .*(is damaged|broken seal)/,
  )
  await engine.idle()
  const { customers, storesSetAside, provedAt } = engine.status().partitions[0]
  expect([customers, storesSetAside]).toEqual([500, 1])
  expect(provedAt).toBeGreaterThan(0)
  await engine.stop()

  expect((await readdir(directory)).includes('0.damaged-1')).toBe(true)
  const after = await home.open(0)
  expect(digestOf((await after.position())!)).toBe(due)
  await after.close()
  expect(await log.endOffset('test.changelog', 0)).toBe(commits)
})

test('a record that is taken out of a live store is missed, and the store is made again', async () => {
  const log = await filledLog()
  const { home, parts } = testTopology(log)
  const first = startEngine(parts, identity)
  await first.idle()
  await first.stop()
  const due = digestOf(home.stores.get(0)!.held!)
  const { engine, aside } = scrubbing(log, home)
  await engine.idle()
  const { values } = home.stores.get(0)!
  values.delete([...values.keys()][77])
  expect(await aside).toMatch(/set aside as aside-1: .*over 499 customers/)
  await engine.idle()
  await engine.stop()
  expect(home.aside).toHaveLength(1)
  expect(home.stores.get(0)!.values.size).toBe(500)
  expect(digestOf(home.stores.get(0)!.held!)).toBe(due)
})

test('a scrub that finds no room for its copy is left out, and the partition runs on', async () => {
  const log = await filledLog()
  const { home } = testTopology(log)
  let refused = 0
  const full = async () => {
    refused++
    throw new TidemarkError('DISK_FULL', 'no room', { exit: exitCode.io, retry: 'later' })
  }
  const { engine } = scrubbing(log, {
    setAside: (partition, reason) => home.setAside(partition, reason),
    open: async (partition) => {
      const store = await home.open(partition)
      // The first view is the opening's.
      const views = [() => store.view()]
      return new Proxy(store, {
        get: (held, name) => {
          const value: unknown = Reflect.get(held, name)
          if (name === 'view') return views.pop() ?? full
          return typeof value === 'function' ? value.bind(held) : value
        },
      })
    },
  })
  await engine.idle()
  await expect.poll(() => refused).toBeGreaterThan(3)
  expect(engine.status().partitions[0]).toMatchObject({ customers: 500, storesSetAside: 0 })
  await engine.stop()
})

test('customers are counted whether a flush has seen them or not, and retired ones too', async () => {
  const log = await filledLog()
  const engine = startEngine(testTopology(log, { flushEveryMs: 1e9 }).parts, identity)
  await engine.idle()
  expect(engine.status().partitions[0].customers).toBe(500)
  const at = start + 100 * 86_400_000
  const body = { event_id: 'last', customer_id: 'new', occurred_at: at }
  const value = Buffer.from(JSON.stringify(body))
  const transaction = log.begin('producer')
  const record = { key: Buffer.from('new'), value, timestamp: at, headers: null }
  transaction.append('test.events', 0, record)
  transaction.append('test.events', 0, { ...record, key: Buffer.from('c1'), value: null })
  await transaction.commit()
  await engine.idle()
  const { customers, timersWaiting } = engine.status().partitions[0]
  expect(customers).toBe(500)
  // All but the new one are retired: no timer waits for them.
  expect(timersWaiting).toBe(1)
  await engine.stop()
})

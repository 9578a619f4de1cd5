/** How a store comes back from the state that the log keeps. */
import { describe, expect, test } from 'vitest'
import type { EventLog } from '../../src/log/log.js'
import { MemoryLog } from '../../src/log/memory-log.js'
import type { StoredPosition } from '../../src/state/proof.js'
import type { Position } from '../../src/operators/position.js'
import { startEngine } from '../../src/topology/engine.js'
import type { EngineSettings } from '../../src/topology/settings.js'
import { MapHome, MapSnapshots, MapStore, testTopology } from '../support/topology.js'

const start = Date.UTC(2024, 0, 1)
const identity = { app: 'test', synthetic: true }
const hourMs = 3_600_000

async function append(log: MemoryLog, from: number, to: number): Promise<void> {
  const transaction = log.begin('producer')
  for (let i = from; i < to; i++) {
    const body = { event_id: `e${i}`, customer_id: `c${i % 90}`, occurred_at: start + i * 60_000 }
    const value = Buffer.from(JSON.stringify(body))
    const key = Buffer.from(body.customer_id)
    transaction.append('test.events', 0, { key, value, timestamp: body.occurred_at, headers: null })
  }
  await transaction.commit()
}

interface Disk {
  readonly home: MapHome
  readonly snapshots: MapSnapshots
}

const emptyDisk = (): Disk => ({ home: new MapHome(), snapshots: new MapSnapshots() })

/** Runs an engine until it has nothing left to do; answers what it said, and what it read. */
async function run(log: MemoryLog, disk: Disk, settings: Partial<EngineSettings> = {}) {
  const read: string[] = []
  const watched = new Proxy(log, {
    get: (_, name: keyof MemoryLog) => {
      const member = log[name] as unknown
      if (typeof member !== 'function') return member
      if (name !== 'reader') return member.bind(log) as unknown
      return (...[topic, partition, from]: Parameters<EventLog['reader']>) => {
        read.push(`${topic} from ${from}`)
        return log.reader(topic, partition, from)
      }
    },
  })
  const bounds = { commitRecordsMax: 20, batchRecordsMax: 10, ...settings }
  const { parts, notes } = testTopology(watched, bounds, disk)
  const engine = startEngine({ ...parts, logsState: true }, identity)
  const failure = await engine.idle().then(
    () => null,
    (error: unknown) => error,
  )
  await engine.stop().catch(() => undefined)
  return { notes, read, failure }
}

function stored({ home }: Disk): StoredPosition<Position> {
  const text = Buffer.from(home.stores.get(0)!.held!).toString()
  return JSON.parse(text) as StoredPosition<Position>
}

async function filled(): Promise<{ log: MemoryLog; disk: Disk }> {
  const log = new MemoryLog({ timeBase: { kind: 'none' } })
  await append(log, 0, 300)
  const disk = emptyDisk()
  await run(log, disk)
  return { log, disk }
}

describe('a store that is behind', () => {
  test('and empty follows the whole state, and reads no input again', async () => {
    const { log, disk } = await filled()
    const anew = emptyDisk()
    const { notes, read } = await run(log, anew)
    expect(notes[0]).toMatch(/^store of partition 0 has followed \d{3} offsets of the state in/)
    expect(read).toContain('test.state from 0')
    expect(read).toContain('test.events from 300')
    expect(read).not.toContain('test.events from 0')
    const { digest, customers, position } = stored(disk)
    expect(stored(anew)).toMatchObject({ digest, customers, position })
    expect(customers).toBe(90)
  })

  test('follows from where it stands', async () => {
    const { log, disk } = await filled()
    const { stateOffset } = stored(disk).followed!
    await append(log, 300, 400)
    await run(log, emptyDisk())
    const { read } = await run(log, disk)
    expect(read).toContain(`test.state from ${stateOffset}`)
    expect(stored(disk).position.endOffset).toBe(400)
  })

  test('that was killed on its way goes on there', async () => {
    const { log, disk } = await filled()
    const anew = emptyDisk()
    const open = anew.home.open.bind(anew.home)
    anew.home.open = async (partition) => {
      const store = await open(partition)
      const write = store.write.bind(store)
      let writes = 0
      store.write = async (...change) => {
        if (++writes === 3) throw new Error('killed')
        return write(...change)
      }
      return store
    }
    const { failure } = await run(log, anew, { flushBytesMax: 500, batchRecordsMax: 10 })
    expect(String(failure)).toContain('killed')
    const { followed } = stored(anew)
    expect(followed!.isPartial).toBe(true)
    anew.home.open = open
    anew.home.stores.get(0)!.write = MapStore.prototype.write.bind(anew.home.stores.get(0))
    const { read, notes } = await run(log, anew)
    expect(read).toContain(`test.state from ${followed!.stateOffset}`)
    expect(followed!.stateOffset).toBeGreaterThan(0)
    expect(notes.filter((note) => note.includes('set aside'))).toEqual([])
    expect(stored(anew).digest).toBe(stored(disk).digest)
  })

  test('and old is made again in full, for the log may have forgotten deletions', async () => {
    const { log, disk } = await filled()
    await append(log, 300, 400)
    await run(log, emptyDisk())
    const wallClock = () => Date.now() + 13 * hourMs
    const { notes, read } = await run(log, disk, { wallClock })
    expect(notes[0]).toContain('was last written 13 hours ago')
    expect(disk.home.aside).toHaveLength(1)
    expect(read).toContain('test.state from 0')
    expect(stored(disk).position.endOffset).toBe(400)
  })
})

test('a state in the log that does not add up ends the engine, for once more would end alike', async () => {
  const { log } = await filled()
  const transaction = log.begin('forger')
  const key = Buffer.from([0, 2, ...Buffer.from('c1'), 0])
  transaction.append('test.state', 0, { key, value: null, timestamp: start, headers: null })
  await transaction.commit()
  const disk = emptyDisk()
  const { failure } = await run(log, disk)
  expect(failure).toMatchObject({ code: 'RESTORE_DISAGREES', exit: 74 })
  expect(disk.home.aside).toEqual([])
})

test('outputs that were committed without their state are not gone on with', async () => {
  const log = new MemoryLog({ timeBase: { kind: 'none' } })
  await append(log, 0, 30)
  const { parts } = testTopology(log)
  const engine = startEngine(parts, identity)
  await engine.idle()
  await engine.stop()
  const { failure } = await run(log, emptyDisk())
  expect(failure).toMatchObject({ code: 'STATE_NOT_LOGGED', exit: 78 })
})

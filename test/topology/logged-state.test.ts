/** Generations over a log that keeps the state, whose stores and commits fail at random. */
import { beforeEach, describe, expect, it } from 'vitest'
import { layoutOf } from '../../src/cli/layout.js'
import type { CustomerState } from '../../src/features/engine.js'
import { MemoryLog } from '../../src/log/memory-log.js'
import { topicsOf } from '../../src/log/log.js'
import type { Position } from '../../src/operators/position.js'
import { featureProgram } from '../../src/operators/program.js'
import type { StoreChange } from '../../src/state/store.js'
import { buildState } from '../../src/topology/build-state.js'
import { startEngine } from '../../src/topology/engine.js'
import { builtPosition } from '../../src/topology/logged-state.js'
import { copyAhead } from '../../src/topology/standby.js'
import type { TopologyParts } from '../../src/topology/parts.js'
import { recordsOf } from '../ingest/support.js'
import { appendRecords, randomRecords } from '../replay/support.js'
import { app as first, champion, partsOf, verifyLog } from '../replay/verify-support.js'
import { seededRandom } from '../support/random.js'
import { MapHome, MapSnapshots, MapStore } from '../support/topology.js'
import { appHashes, apps, scoring } from '../support/two-generations.js'

const clean = { mismatches: 0, missing: 0, ok: true, findings: [], bundlesMissing: {} }
const topics = topicsOf(first.name)
const customers = 30
const records = randomRecords({ seed: 7, partitions: 1, events: 900, customers })

/** A store that is killed now and then, when the log has a write already. */
class TornStore extends MapStore {
  constructor(private readonly isKilled: () => boolean) {
    super()
  }

  override async write(changes: readonly StoreChange[], position: Uint8Array): Promise<void> {
    if (this.isKilled()) throw new Error('killed')
    await super.write(changes, position)
  }
}

class TornHome extends MapHome {
  constructor(private readonly isKilled: () => boolean) {
    super()
  }

  override async open(partition: number): Promise<MapStore> {
    const store = this.stores.get(partition) ?? new TornStore(this.isKilled)
    this.stores.set(partition, store)
    return store
  }
}

let log: MemoryLog
let notes: string[]

beforeEach(() => {
  log = new MemoryLog({ partitions: 1, timeBase: { kind: 'none' } })
  notes = []
})

function partsFor(number: number, home = new MapHome()): TopologyParts<CustomerState> {
  const app = apps[number - 1]
  return {
    ...partsOf(log, { scoring }),
    program: featureProgram(app.engine),
    codec: app.codec,
    rules: app.rules,
    layout: layoutOf(app),
    topics: topicsOf(first.name, number),
    logsState: true,
    generation: { number, appHashes },
    home,
    snapshots: new MapSnapshots(),
    note: (text) => notes.push(text),
  }
}

async function run(number: number, home?: MapHome): Promise<void> {
  const engine = startEngine(partsFor(number, home), { app: first.name, synthetic: true })
  await engine.idle()
  await engine.stop()
}

/** Events, and between them customers who are erased, some of whom come back. */
async function some(from: number, to: number): Promise<void> {
  const random = seededRandom(from)
  for (let at = from; at < to; at += 15) {
    await appendRecords(first, log, records.slice(at, Math.min(to, at + 15)))
    const transaction = log.begin('test')
    const key = Buffer.from(`c${random.below(customers)}`)
    const { loggedAt: timestamp } = records[at]
    transaction.append(topics.events, 0, { key, value: null, timestamp, headers: null })
    await transaction.commit()
  }
}

/** Builds a generation, killed at random, until it is whole. */
async function build(number: number, seed: number, isKnown = false): Promise<number> {
  const random = seededRandom(seed)
  let [now, kills] = [0, 0]
  const home = new TornHome(() => random.below(3) === 0)
  const parts = partsFor(number, home)
  const settings = {
    ...parts.settings,
    batchRecordsMax: 8,
    flushEveryMs: 40,
    // Flushes come at borders that no two tries share.
    wallClock: () => (now += random.below(12)),
  }
  const options = { reached: () => undefined, isKnown, stop: new AbortController().signal }
  for (;;) {
    try {
      await buildState({ ...parts, settings }, 0, options)
      return kills
    } catch (error) {
      if (!String(error).includes('killed')) throw error
      kills++
      // Now and then on another machine.
      if (random.below(4) === 0) home.stores.clear()
    }
  }
}

async function verified() {
  const by = apps.map((app) => ({
    program: featureProgram(app.engine),
    codec: app.codec,
    rules: app.rules,
    layout: layoutOf(app),
    scorerOf: async () => champion,
  }))
  return verifyLog(log, { ...by[0], generation: 1, others: new Map([[2, by[1]]]) })
}

async function stays(): Promise<number[]> {
  const found = await recordsOf(log, topics.changelog, 0)
  const numbers = found.map(
    ({ value }) => (JSON.parse(String(value)) as Position).generation?.number ?? 1,
  )
  return numbers.filter((number, i) => number !== numbers[i - 1])
}

describe('the state of a generation in the log', () => {
  it('is whole after any kills, and who takes it over needs no store of before', async () => {
    let kills = 0
    for (let seed = 1; seed <= 12; seed++) {
      log = new MemoryLog({ partitions: 1, timeBase: { kind: 'none' } })
      await some(0, 450)
      await run(1)
      kills += await build(2, seed)
      expect(notes.filter((text) => text.includes('set aside'))).toEqual([])
      await some(450, 600)
      await run(1)
      await run(2)
      // From nothing but the log: its digest is compared.
      await some(600, 700)
      await run(2, new MapHome())
      expect(await verified()).toMatchObject(clean)
    }
    expect(kills).toBeGreaterThan(12)
    expect(notes.filter((text) => text.includes('set aside'))).toEqual([])
  }, 60_000)

  it('that returns goes on from where it was left', async () => {
    await some(0, 300)
    await run(1)
    await run(2)
    const left = await builtPosition(partsFor(1), { partition: 0, generation: 1 })
    expect([left!.endOffset, left!.generation]).toEqual([320, undefined])
    await some(300, 600)
    await run(2)
    await build(1, 5, true)
    await some(600, 900)
    await run(2)
    await run(1)
    await run(2)
    expect(await verified()).toMatchObject(clean)
    expect(await stays()).toEqual([1, 2, 1, 2])
    expect(notes.filter((text) => text.includes('set aside'))).toEqual([])
  })

  it('that returns after long is copied anew before it takes over', async () => {
    await some(0, 300)
    const home = new MapHome()
    await run(1, home)
    await some(300, 600)
    await run(2)
    await build(1, 3, true)
    const parts = partsFor(1, home)
    const wallClock = (): number => Date.now() + 13 * 3_600_000
    const settings = { ...parts.settings, wallClock }
    await copyAhead({ ...parts, settings }, 0, new AbortController().signal)
    expect(home.aside.join()).toMatch(/last written 13 hours ago/)
    notes = []
    const engine = startEngine({ ...parts, settings }, { app: first.name, synthetic: true })
    await engine.idle()
    await engine.stop()
    expect(notes.join()).toContain('followed 0 offsets of the state')
    expect([home.aside.length, await stays()]).toEqual([1, [1, 2, 1]])
    expect(await verified()).toMatchObject(clean)
  })

  it('of which nothing was built is made by whoever takes it over, through kills', async () => {
    await some(0, 300)
    await run(1)
    let kills = 0
    const home = new TornHome(() => kills++ < 4)
    const engine = startEngine(partsFor(2, home), { app: first.name, synthetic: true })
    await expect(engine.done).rejects.toThrow('killed')
    await run(2, home).catch(() => undefined)
    kills = Infinity
    await run(2, home)
    expect(await verified()).toMatchObject(clean)
    expect(await stays()).toEqual([1, 2])
  })

  it('is not opened where another generation is asked for by then', async () => {
    await some(0, 100)
    await run(1)
    let asked = 2
    const parts = { ...partsFor(1), isAsked: async () => asked === 1 }
    await some(100, 150)
    const settings = { ...parts.settings, retryAfterMs: 1 }
    const engine = startEngine({ ...parts, settings }, { app: first.name, synthetic: true })
    await expect.poll(() => notes.join()).toMatch(/opened again .*GENERATION_CHANGED/)
    const before = await recordsOf(log, topics.changelog, 0)
    asked = 1
    await engine.idle()
    await engine.stop()
    expect((await recordsOf(log, topics.changelog, 0)).length).toBeGreaterThan(before.length)
    expect(await verified()).toMatchObject(clean)
  })
})

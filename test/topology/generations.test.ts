/** Two declarations over one log, one after the other and back. */
import { beforeEach, describe, expect, it } from 'vitest'
import { OutputRows } from '../../src/events/output-rows.js'
import { layoutOf } from '../../src/cli/layout.js'
import type { App } from '../../src/features/app.js'
import type { CustomerState } from '../../src/features/engine.js'
import { MemoryLog } from '../../src/log/memory-log.js'
import type { Position } from '../../src/operators/position.js'
import { featureProgram } from '../../src/operators/program.js'
import type { VerifyReport } from '../../src/replay/verify.js'
import { buildState } from '../../src/topology/build-state.js'
import { startEngine } from '../../src/topology/engine.js'
import type { TopologyParts } from '../../src/topology/parts.js'
import type { EngineSettings } from '../../src/topology/settings.js'
import { recordsOf } from '../ingest/support.js'
import { appendRecords, randomRecords } from '../replay/support.js'
import {
  app as first,
  champion,
  copyLog,
  partsOf,
  topics,
  verifyLog,
} from '../replay/verify-support.js'
import { MapHome, MapSnapshots } from '../support/topology.js'
import { appHashes, apps, scoring, second } from '../support/two-generations.js'

const clean = { mismatches: 0, missing: 0, ok: true, findings: [], bundlesMissing: {} }

/** What a data directory keeps of each generation. */
interface Kept {
  readonly home: MapHome
  readonly snapshots: MapSnapshots
}

let log: MemoryLog
let kept: Kept[]
const records = randomRecords({ seed: 5, partitions: 2, events: 900, customers: 70 })

beforeEach(() => {
  log = new MemoryLog({ partitions: 2, timeBase: { kind: 'none' } })
  kept = apps.map(() => ({ home: new MapHome(), snapshots: new MapSnapshots() }))
})

function partsFor(
  number: number,
  settings: Partial<EngineSettings> = {},
): TopologyParts<CustomerState> {
  const app = apps[number - 1]
  return {
    ...partsOf(log, { scoring, ...settings }),
    program: featureProgram(app.engine),
    codec: app.codec,
    rules: app.rules,
    layout: layoutOf(app),
    generation: { number, appHashes },
    ...kept[number - 1],
  }
}

async function run(number: number, settings: Partial<EngineSettings> = {}): Promise<void> {
  const engine = startEngine(partsFor(number, settings), { app: first.name, synthetic: true })
  await engine.idle()
  await engine.stop()
}

/** Runs until the first partition has so many commits more, and stops there. */
async function runCommits(number: number, commits: number): Promise<void> {
  let left = commits
  let enough = (): void => undefined
  const reached = new Promise<void>((resolve) => (enough = resolve))
  const parts = partsFor(number, { timersPerCommitMax: 3 })
  const engine = startEngine(
    {
      ...parts,
      committed: () => {
        if (--left === 0) enough()
      },
    },
    { app: first.name, synthetic: true },
  )
  await reached
  await engine.stop()
}

async function verified(of: MemoryLog = log): Promise<VerifyReport> {
  const by = apps.map((app) => ({
    program: featureProgram(app.engine),
    codec: app.codec,
    rules: app.rules,
    layout: layoutOf(app),
    scorerOf: async () => champion,
  }))
  return verifyLog(of, { ...by[0], generation: 1, others: new Map([[2, by[1]]]) })
}

async function positions(partition: number): Promise<Position[]> {
  const found = await recordsOf(log, topics.changelog, partition)
  return found.map(({ value }) => JSON.parse(value!.toString()) as Position)
}

async function rowsSince(commit: number, partition: number, app: App) {
  const rows = new OutputRows(layoutOf(app))
  const found = await recordsOf(log, topics.features, partition)
  const { featureSet } = app
  return found
    .filter(({ value }) => value!.includes(featureSet))
    .map(({ value }) => rows.decodeFeatures(value!))
    .filter((row) => row.commit >= commit)
}

const some = (from: number, to: number) =>
  appendRecords(
    first,
    log,
    records.filter((_, i) => i >= from && i < to),
  )

describe('a generation that takes over', () => {
  it('goes on with the commit numbers, and verify finds nothing before, between and after', async () => {
    await some(0, 300)
    await run(1)
    expect(await verified()).toMatchObject(clean)
    await some(300, 600)
    await run(2)
    expect(await verified()).toMatchObject({ ...clean, records: 600, uncommitted: 0 })
    await some(600, 900)
    await run(2)
    await run(1)
    const report = await verified()
    expect(report).toMatchObject({ ...clean, records: 900, uncommitted: 0 })
    for (const partition of [0, 1]) {
      const told = await positions(partition)
      expect(told.map(({ commit }) => commit)).toEqual(told.map((_, i) => i + 1))
      const stays = new Set(told.map(({ generation }) => JSON.stringify(generation ?? null)))
      expect(stays.size).toBe(3)
      expect(told.at(-1)!.generation!.number).toBe(1)
    }
  })

  it('gives every customer one row, also those whom nothing touches', async () => {
    await some(0, 600)
    await run(1)
    await run(2, { timersPerCommitMax: 7 })
    expect(await verified()).toMatchObject(clean)
    for (const partition of [0, 1]) {
      const { generation } = (await positions(partition)).at(-1)!
      const before = new OutputRows(layoutOf(first))
      const seen = new Set(
        (await recordsOf(log, topics.features, partition))
          .filter(({ value }) => value!.includes(first.featureSet))
          .map(({ value }) => before.decodeFeatures(value!).customer),
      )
      const rows = await rowsSince(generation!.sinceCommit, partition, second)
      expect(rows.map(({ cause }) => cause)).toEqual(rows.map(() => 'rescore'))
      const customers = rows.map(({ customer }) => customer)
      expect(new Set(customers).size).toBe(customers.length)
      // A rule of the second declaration may leave somebody without an event.
      for (const customer of customers) expect(seen).toContain(customer)
      expect(customers.length).toBeGreaterThan(20)
      expect(kept[1].snapshots.rows.size).toBeGreaterThanOrEqual(customers.length)
    }
  })

  it('that is stopped in the middle of the new rows gives those that are left', async () => {
    await some(0, 600)
    await run(1)
    for (let i = 0; i < 4; i++) await runCommits(2, 3)
    expect(await verified()).toMatchObject(clean)
    await some(600, 700)
    await run(2, { timersPerCommitMax: 3 })
    expect(await verified()).toMatchObject(clean)
    const { generation } = (await positions(0)).at(-1)!
    const rows = await rowsSince(generation!.sinceCommit, 0, second)
    const customers = new Set(rows.map(({ customer }) => customer))
    expect(customers.size).toBeGreaterThan(20)
  })

  it('has proved no row to be the newest before all are new', async () => {
    await some(0, 600)
    await run(1)
    await runCommits(2, 3)
    const { snapshots } = kept[1]
    expect([snapshots.proof(0)?.caughtUp, snapshots.proof(1)?.caughtUp]).not.toContain(true)
    await run(2)
    expect([snapshots.proof(0)?.caughtUp, snapshots.proof(1)?.caughtUp]).toEqual([true, true])
  })

  it('loses its store and makes it again from the input', async () => {
    await some(0, 500)
    await run(1)
    await run(2)
    kept[1] = { home: new MapHome(), snapshots: new MapSnapshots() }
    await some(500, 700)
    await run(2)
    expect(await verified()).toMatchObject(clean)
    expect(kept[1].home.aside).toEqual([])
  })

  it('whose row is taken out of the log is missed by verify', async () => {
    await some(0, 400)
    await run(1)
    await run(2)
    const rows = new OutputRows(layoutOf(second))
    const isRescore = (topic: string, value: Buffer): boolean => {
      if (topic === topics.scores) return rows.decodeScore(value).cause === 'rescore'
      if (topic !== topics.features || !value.includes(second.featureSet)) return false
      return rows.decodeFeatures(value).cause === 'rescore'
    }
    const taken = new Set<string>()
    const copy = await copyLog(log, (topic, record) => {
      if (taken.has(topic) || !isRescore(topic, record.value!)) return [record]
      taken.add(topic)
      return []
    })
    expect(taken.size).toBe(2)
    expect(await verified(copy)).toMatchObject({ mismatches: 0, missing: 2, ok: false })
  })

  it('is refused where the log has commits of a hash that nobody knows', async () => {
    await some(0, 100)
    await run(1)
    const parts = {
      ...partsFor(2),
      generation: { number: 2, appHashes: new Map<number, string>() },
    }
    const engine = startEngine(parts, { app: first.name, synthetic: true })
    await expect(engine.done).rejects.toMatchObject({ code: 'STATE_OF_ANOTHER_APP' })
  })
})

describe('the state of a generation', () => {
  const never = new AbortController().signal

  it('is built beside the one in force, and taken over as it is', async () => {
    await some(0, 600)
    await run(1)
    const told: number[] = []
    for (const partition of [0, 1]) {
      await buildState(partsFor(2), partition, { reached: (at) => told.push(at), stop: never })
    }
    expect(told.length).toBeGreaterThan(4)
    const writes = [...kept[1].home.stores.values()].map((store) => store.writes)
    expect(writes.every((count) => count > 0)).toBe(true)
    await run(2)
    expect(kept[1].home.aside).toEqual([])
    expect(await verified()).toMatchObject(clean)
  })

  it('is built on where it was left', async () => {
    await some(0, 600)
    await run(1)
    const stop = new AbortController()
    const parts = partsFor(2, { flushEveryMs: 0 })
    const reached = (at: number): void => {
      if (at > 100) stop.abort()
    }
    await expect(buildState(parts, 0, { reached, stop: stop.signal })).rejects.toMatchObject({
      code: 'STOPPED',
    })
    let from = -1
    await buildState(parts, 0, { reached: (at) => (from = from < 0 ? at : from), stop: never })
    expect(from).toBeGreaterThan(50)
    await run(2)
    expect(await verified()).toMatchObject(clean)
  })

  it('of another declaration is set aside', async () => {
    await some(0, 300)
    await run(1)
    kept[1] = { ...kept[1], home: kept[0].home }
    await buildState(partsFor(2), 0, { reached: () => undefined, stop: never })
    expect(kept[1].home.aside).toEqual([expect.stringContaining('was made by app hash')])
  })
})

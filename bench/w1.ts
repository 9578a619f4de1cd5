/**
 * W1 from the embedded log to committed scores: CPU of the whole process an event, all threads.
 * Usage: tsx bench/w1.ts [events] [partitions]
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { EmbeddedLog } from '../src/log/embedded-log.js'
import { topicsOf } from '../src/log/log.js'
import type { SnapshotStore } from '../src/snapshots/snapshots.js'
import { LevelStoreHome } from '../src/state/level-store-home.js'
import { startEngine } from '../src/topology/engine.js'
import { defaultSettings } from '../src/topology/settings.js'
import { profiled } from './support/profile.js'
import { cpuSince, PeakMemory, Report } from './support/report.js'
import { fillW1 } from './support/w1.js'
import { w1Codec, w1Program, w1Score, w1Scoring, type W1State } from './support/w1-program.js'

const events = Number(process.argv[2] ?? 2_000_000)
const partitions = Number(process.argv[3] ?? 1)
const folder = await mkdtemp(join(tmpdir(), 'tidemark-w1-'))
const report = new Report(
  `W1, ${events} events, ${partitions} partition(s), embedded log to committed scores`,
)
const memory = new PeakMemory()
const log = await EmbeddedLog.open(join(folder, 'log'), { partitions, timeBase: { kind: 'none' } })
await fillW1(log, 'w1.events', events, 5_000)

/** W1 asks for committed scores; a snapshot store is no part of it. */
const noSnapshots: SnapshotStore = {
  get: async () => null,
  getMany: async () => [],
  history: async () => [],
  top: () => null,
  scan: async function* () {},
  put: () => undefined,
  proof: () => null,
  cursor: async () => null,
  flush: async () => undefined,
  close: async () => undefined,
}

const last = new Map<string, number>()
let outputs = 0
const before = process.cpuUsage()
const started = performance.now()
const engine = startEngine<W1State>(
  {
    program: w1Program,
    codec: w1Codec,
    rules: { check: () => null },
    layout: {
      app: 'w1',
      featureSet: 'w1/1',
      appHash: '00'.repeat(32),
      columns: w1Program.columns,
      ids: { features: 2, scores: 3 },
    },
    log,
    topics: topicsOf('w1'),
    home: new LevelStoreHome(join(folder, 'state'), 'state'),
    snapshots: noSnapshots,
    scoring: w1Scoring,
    settings: defaultSettings,
    incarnation: 'bench',
    lowWatermark: () => null,
    committed: ({ rows }) => {
      outputs += rows.length
      for (let row = 0; row < rows.length; row++) last.set(rows.customers[row], w1Score(rows, row))
    },
    note: (text) => console.error(text),
  },
  { app: 'w1', synthetic: true },
)
await profiled('w1', async () => {
  await engine.idle()
  await engine.stop()
})
const cpu = cpuSince(before) / events
const seconds = (performance.now() - started) / 1000
let sum = 0
for (const score of last.values()) sum += score
report.figure(cpu, 'an event', 12)
report.line(
  `${Math.round(events / seconds)} events/s, ${(events / outputs).toFixed(2)} events an output`,
)
report.line(memory.text())
report.line(`${last.size} customers, sum of last scores ${sum.toFixed(9)}`)
await log.close()
await rm(folder, { recursive: true })

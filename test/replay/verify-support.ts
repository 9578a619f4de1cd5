/** Logs that a real engine has filled, copies of them that are tampered with, and verify over both. */
import { type EventLog, type LogRecord, type StoredRecord, topicsOf } from '../../src/log/log.js'
import { MemoryLog, type MemoryLogOptions } from '../../src/log/memory-log.js'
import { featureProgram } from '../../src/operators/program.js'
import { verify, type VerifyReport } from '../../src/replay/verify.js'
import type { VerifyOptions } from '../../src/replay/verify-options.js'
import type { CustomerState } from '../../src/features/engine.js'
import type { FeatureRows } from '../../src/features/rows.js'
import type { BundleInfo, Scorer, Scoring } from '../../src/scoring/scorer.js'
import { GuardedScorer } from '../../src/scoring/guarded-scorer.js'
import { startEngine } from '../../src/topology/engine.js'
import type { TopologyParts } from '../../src/topology/parts.js'
import { defaultSettings, type EngineSettings } from '../../src/topology/settings.js'
import { MapHome, MapSnapshots, MapStore } from '../support/topology.js'
import { vectorsApp } from './support.js'

export const app = vectorsApp()
export const topics = topicsOf(app.name)

export const layout = {
  app: app.name,
  featureSet: app.featureSet,
  appHash: app.engine.appHash,
  columns: app.engine.columns,
  ids: app.outputs,
}

function bundleOf(name: string, digit: string): BundleInfo {
  const hash = digit.repeat(64)
  const { appHash } = app.engine
  return { name, version: '1', hash, threshold: 0.5, appHash, synthetic: true }
}

/** Scores by the number of orders; `fails` answers NaN where the model has no answer. */
function scorer(bundle: BundleInfo, weight: number, fails: (orders: number) => boolean): Scorer {
  return {
    bundle,
    runtime: 'test 1',
    score: async (rows: FeatureRows, from: number, to: number) =>
      Float32Array.from({ length: to - from }, (_, i) => {
        const orders = rows.numbers[(from + i) * rows.numericCount + 5]
        if (fails(orders)) return Number.NaN
        return 1 / (2 + (Number.isNaN(orders) ? 0 : orders) * weight)
      }),
    close: async () => {},
  }
}

export const champion = scorer(bundleOf('champion', 'a'), 0.3, (orders) => orders > 1)
export const fallback = scorer(bundleOf('fallback', 'b'), 0.1, (orders) => orders > 3)
const unheard = { scored: () => {}, degraded: () => {} }

export interface RunOptions extends Partial<EngineSettings> {
  readonly scoring?: Scoring
}

export function partsOf(log: EventLog, options: RunOptions = {}): TopologyParts<CustomerState> {
  const { scoring = new GuardedScorer(champion, fallback, unheard), ...settings } = options
  return {
    program: featureProgram(app.engine),
    codec: app.codec,
    rules: app.rules,
    layout,
    log,
    topics,
    home: new MapHome(),
    snapshots: new MapSnapshots(),
    scoring,
    settings: { ...defaultSettings, batchRecordsMax: 16, commitRecordsMax: 16, ...settings },
    incarnation: 'test',
    lowWatermark: () => null,
    committed: () => {},
    note: () => {},
  }
}

export async function runToIdle(log: EventLog, options: RunOptions = {}): Promise<void> {
  const engine = startEngine(partsOf(log, options), { app: app.name, synthetic: true })
  await engine.idle()
  await engine.stop()
}

export async function verifyLog(
  log: EventLog,
  options: Partial<VerifyOptions<CustomerState>> = {},
): Promise<VerifyReport> {
  const bundles = new Map([champion, fallback].map((model) => [model.bundle.hash, model]))
  return verify({
    log,
    topics,
    program: featureProgram(app.engine),
    codec: app.codec,
    rules: app.rules,
    layout,
    scorerOf: async (hash) => bundles.get(hash) ?? null,
    scratch: async () => new MapStore(),
    ...options,
  })
}

/** What becomes of a record in a copy: the records that stand in its place. */
export type Tamper = (topic: string, record: StoredRecord) => readonly LogRecord[]

/** A copy of a log, tampered with. */
export async function copyLog(
  log: EventLog,
  tamper: Tamper = (_, record) => [record],
  options: MemoryLogOptions = {},
): Promise<MemoryLog> {
  const { id, timeBase } = log
  const copy = new MemoryLog({ id, partitions: log.partitions(''), timeBase, ...options })
  const transaction = copy.begin('copy')
  for (const topic of Object.values(topics)) {
    for (let partition = 0; partition < log.partitions(topic); partition++) {
      const reader = log.reader(topic, partition, 0)
      for (let atEnd = false; !atEnd;) {
        const poll = await reader.poll(1000, 0)
        for (const record of poll.records) {
          for (const kept of tamper(topic, record)) transaction.append(topic, partition, kept)
        }
        atEnd = poll.atEnd
      }
      await reader.close()
    }
  }
  await transaction.commit()
  return copy
}

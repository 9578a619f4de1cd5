/** What a topology of one's own is run with: no model, and no snapshots. */
import type { EventLog } from '../log/log.js'
import { topicsOf } from '../log/log.js'
import type { KeyState } from '../operators/windows/key-state.js'
import { noModel } from '../scoring/no-model.js'
import type { SnapshotStore } from '../snapshots/snapshots.js'
import type { StoreHome } from '../state/store.js'
import type { TopologyParts } from './parts.js'
import { defaultSettings, type EngineSettings } from './settings.js'
import type { CompiledTopology } from './topology.js'

/** Rows are read in the log: nothing is kept, so nothing ever has to catch up. */
const noSnapshots: SnapshotStore = {
  get: async () => null,
  getMany: async () => [],
  scan: async function* () {},
  history: async () => [],
  top: () => null,
  put: () => undefined,
  proof: () => null,
  cursor: async () => ({ commit: Number.MAX_SAFE_INTEGER, featuresOffset: 0, scoresOffset: 0 }),
  flush: async () => undefined,
  close: async () => undefined,
}

export interface TopologyRun {
  readonly log: EventLog
  readonly home: StoreHome
  /** Random, one a process. */
  readonly incarnation: string
  readonly settings?: Partial<EngineSettings>
  readonly committed?: TopologyParts<KeyState>['committed']
  readonly note?: (text: string) => void
}

/** @example startEngine(topologyParts(words, { log, home, incarnation }), { app: 'words', synthetic: false }) */
export function topologyParts(
  { name, program, flow, codec, layout }: CompiledTopology,
  run: TopologyRun,
): TopologyParts<KeyState> {
  const { log, home, incarnation } = run
  return {
    program,
    flow,
    codec,
    rules: { check: () => null },
    layout,
    log,
    topics: topicsOf(name),
    home,
    snapshots: noSnapshots,
    scoring: noModel,
    settings: { ...defaultSettings, ...run.settings },
    incarnation,
    lowWatermark: () => null,
    committed: run.committed ?? (() => undefined),
    note: run.note ?? (() => undefined),
  }
}

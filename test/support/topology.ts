/** A topology over memory adapters, for tests. */
import { topicsOf } from '../../src/log/log.js'
import type { EventLog } from '../../src/log/log.js'
import type { BundleInfo, ScoredRows, Scoring } from '../../src/scoring/scorer.js'
import type { FeatureRows } from '../../src/features/rows.js'
import type { SnapshotPut, SnapshotStore } from '../../src/snapshots/snapshots.js'
import type { Store, StoreChange, StoreHome, StoreView } from '../../src/state/store.js'
import type { TopologyParts } from '../../src/topology/parts.js'
import { defaultSettings, type EngineSettings } from '../../src/topology/settings.js'
import { countProgram, type CountState, jsonCodec, noRules } from './count-program.js'

const bundle: BundleInfo = {
  name: 'test',
  version: '1',
  hash: '11'.repeat(32),
  threshold: 0.5,
  appHash: '22'.repeat(32),
  synthetic: true,
}

/** Scores a row by its first number, so that a changed row has another score. */
export const testScoring: Scoring = {
  inForce: bundle,
  score: async (rows: FeatureRows): Promise<ScoredRows> => ({
    probability: Float32Array.from({ length: rows.length }, (_, row) => {
      const [count, days] = [rows.numbers[row * 2], rows.numbers[row * 2 + 1]]
      return (1 + days) / (2 + days + count)
    }),
    servedBy: new Uint8Array(rows.length),
    bundles: [bundle],
    degraded: null,
  }),
}

/** Sorted by key, as LevelDB is; survives `close` like a disk. */
export class MapStore implements Store {
  readonly values = new Map<string, Uint8Array>()
  held: Uint8Array | null = null
  writes = 0

  async position(): Promise<Uint8Array | null> {
    return this.held
  }

  async getMany(keys: readonly Uint8Array[]): Promise<(Uint8Array | undefined)[]> {
    return keys.map((key) => this.values.get(Buffer.from(key).toString('hex')))
  }

  async write(changes: readonly StoreChange[], position: Uint8Array): Promise<void> {
    for (const { key, value } of changes) {
      const name = Buffer.from(key).toString('hex')
      if (value === null) this.values.delete(name)
      else this.values.set(name, Buffer.from(value))
    }
    this.held = Buffer.from(position)
    this.writes++
  }

  async view(): Promise<StoreView> {
    const values = new Map(this.values)
    return {
      position: this.held,
      scan: async function* () {
        const keys = [...values.keys()].sort()
        yield keys.map((key) => [Buffer.from(key, 'hex'), values.get(key)!] as const)
      },
      check: async function* () {},
      close: async () => {},
    }
  }

  async close(): Promise<void> {}
}

export class MapHome implements StoreHome {
  readonly stores = new Map<number, MapStore>()
  readonly aside: string[] = []

  async open(partition: number): Promise<Store> {
    const store = this.stores.get(partition) ?? new MapStore()
    this.stores.set(partition, store)
    return store
  }

  async setAside(partition: number, reason: string): Promise<string> {
    this.stores.delete(partition)
    this.aside.push(reason)
    return `aside-${this.aside.length}`
  }
}

export class MapSnapshots implements SnapshotStore {
  readonly rows = new Map<string, { put: SnapshotPut; version: number }>()
  private held = new Map<number, Parameters<SnapshotStore['put']>[2]>()
  private proofs = new Map<number, Parameters<SnapshotStore['put']>[1]>()

  async get() {
    return null
  }

  async getMany() {
    return []
  }

  async history() {
    return []
  }

  top() {
    return null
  }

  async *scan() {}

  put(...[puts, proof, cursor]: Parameters<SnapshotStore['put']>): void {
    for (const put of puts) {
      const stored = this.rows.get(put.customer)
      if (stored !== undefined && stored.version >= proof.commit) continue
      // The head is of the same bytes, and who reads them in the log does not tell it.
      const { head: _, ...row } = put
      this.rows.set(put.customer, { put: row, version: proof.commit })
    }
    this.proofs.set(proof.partition, proof)
    this.held.set(proof.partition, cursor)
  }

  proof(partition: number) {
    return this.proofs.get(partition) ?? null
  }

  async cursor(partition: number) {
    return this.held.get(partition) ?? null
  }

  async flush() {}
  async close() {}
}

export interface TestTopology {
  readonly parts: TopologyParts<CountState>
  readonly home: MapHome
  readonly snapshots: MapSnapshots
  readonly notes: string[]
}

export function testTopology(
  log: EventLog,
  settings: Partial<EngineSettings> = {},
  survived: Partial<Pick<TestTopology, 'home' | 'snapshots'>> = {},
): TestTopology {
  const home = survived.home ?? new MapHome()
  const snapshots = survived.snapshots ?? new MapSnapshots()
  const notes: string[] = []
  const program = countProgram()
  const parts: TopologyParts<CountState> = {
    program,
    codec: jsonCodec,
    rules: noRules,
    layout: {
      app: 'test',
      featureSet: 'test/1',
      appHash: '22'.repeat(32),
      columns: program.columns,
      ids: { features: 1, scores: 2 },
    },
    log,
    topics: topicsOf('test'),
    home,
    snapshots,
    scoring: testScoring,
    settings: { ...defaultSettings, retryAfterMs: 1, ...settings },
    incarnation: 'test',
    lowWatermark: () => null,
    committed: () => undefined,
    note: (text) => notes.push(text),
  }
  return { parts, home, snapshots, notes }
}

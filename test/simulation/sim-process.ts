/** One process of a simulated life, and the settings that it runs with. */
import { StoredSnapshots } from '../../src/snapshots/stored-snapshots.js'
import { startEngine, type RunningEngine } from '../../src/topology/engine.js'
import { defaultSettings, type EngineSettings } from '../../src/topology/settings.js'
import { hashScoring } from '../support/kill/scoring.js'
import type { Random } from '../support/random.js'
import type { SimHome, SimLog } from './sim-adapters.js'
import type { SimApp } from './sim-app.js'

/** One process: it may fail, be told to stop, or be dead. */
export class Process<S> {
  alive = true
  ended = false
  engine: RunningEngine | null = null
  private snapshots: StoredSnapshots | null = null

  constructor(
    private readonly app: SimApp<S>,
    private readonly note: (text: string) => void,
  ) {}

  async start(
    { log, home, snapshots }: { log: SimLog; home: SimHome; snapshots: SimHome },
    settings: EngineSettings,
    { incarnation, logsState }: { incarnation: string; logsState: boolean },
    pause: () => Promise<void>,
  ): Promise<void> {
    const schedule = (run: () => void): void => void pause().then(run)
    try {
      this.snapshots = await StoredSnapshots.open(snapshots, { schedule })
    } catch {
      // As a process that cannot open its stores: it ends, and another one is started.
      this.ended = true
      return
    }
    if (!this.alive) return
    const { program, codec, rules, layout, topics, name } = this.app
    const parts = { program, codec, rules, layout, topics, log, home, settings, incarnation }
    this.engine = startEngine(
      {
        ...parts,
        logsState,
        snapshots: this.snapshots,
        scoring: hashScoring,
        lowWatermark: () => null,
        committed: () => undefined,
        note: this.note,
      },
      { app: name, synthetic: true },
    )
    this.engine.done.catch(() => (this.ended = true))
  }

  /** True after everything was done, false once the process has failed and all of it has ended. */
  async idle(): Promise<boolean> {
    if (this.engine === null || this.ended) return false
    try {
      await this.engine.idle()
      return true
    } catch {
      await this.engine.done.catch(() => undefined)
      return false
    }
  }

  /** True where nothing failed on the way out: else there is something left for another process. */
  async stop(): Promise<boolean> {
    this.ended = true
    const ends = [() => this.engine?.stop(), () => this.snapshots?.close()]
    let clean = true
    for (const end of ends) {
      try {
        await end()
      } catch {
        clean = false
      }
    }
    return clean
  }
}

/** Every bound may be so small that it is always met, or so large that it never is. */
export function drawnSettings(random: Random, wallClock: () => number): EngineSettings {
  const one = (...choices: number[]): number => choices[random.below(choices.length)]
  return {
    ...defaultSettings,
    batchRecordsMax: one(1, 3, 16, 64, 1024),
    commitRecordsMax: one(1, 5, 20, 100, 10_000),
    commitBytesMax: one(1, 500, 5000, 1e9),
    commitAgeMsMax: one(0, 5, 30, 100),
    timersPerCommitMax: one(1, 3, 20, 2000),
    idleWaitMs: 0,
    tickEveryMs: one(10, 50, 1000),
    lagAllowanceMs: one(0, 10_000),
    flushEveryMs: one(0, 10, 40, 200, 100_000),
    flushBytesMax: one(500, 5000, 1e9),
    hotBytesMax: one(0, 500, 5000, 1e9),
    retryAfterMs: 0,
    retriesMax: 4,
    wallClock,
  }
}

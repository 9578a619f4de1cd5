/** The built-in app on the real embedded parts in a folder of its own, for benchmarks. */
import { join } from 'node:path'
import { churn } from '../../src/apps/churn/app.js'
import { layoutOf } from '../../src/cli/layout.js'
import { openModels } from '../../src/cli/open-models.js'
import { partitionOf } from '../../src/events/partition.js'
import type { EmbeddedLog } from '../../src/log/embedded-log.js'
import { topicsOf } from '../../src/log/log.js'
import { observeCommit } from '../../src/monitoring/observe-commit.js'
import type { ScoreBoard } from '../../src/monitoring/score-board.js'
import { featureProgram } from '../../src/operators/program.js'
import { openLevelSnapshots } from '../../src/snapshots/level-snapshots.js'
import type { SnapshotStore } from '../../src/snapshots/snapshots.js'
import { LevelStoreHome } from '../../src/state/level-store-home.js'
import { emittedHistory } from '../../src/topology/emitted-history.js'
import { type RunningEngine, startEngine } from '../../src/topology/engine.js'
import { defaultSettings, type EngineSettings } from '../../src/topology/settings.js'
import { churnEvent } from './w1-as-churn.js'
import { W1 } from './w1.js'

export const topics = topicsOf('churn')

/** Appends W1's events as events of the churn app; record time is event time. */
export async function fillChurn(log: EmbeddedLog, events: number, ranks: number): Promise<void> {
  const w1 = new W1(ranks)
  const { codec } = churn()
  let newest = 0
  for (let i = 0; i < events;) {
    const transaction = log.begin('w2')
    for (const end = Math.min(events, i + 5000); i < end; i++) {
      const { type, body } = churnEvent(w1.event(i))
      if (body.occurred_at > newest) newest = body.occurred_at
      const key = Buffer.from(body.customer_id)
      const value = codec.encode(type, body)
      const partition = partitionOf(key, log.partitions(topics.events))
      transaction.append(topics.events, partition, { key, value, timestamp: newest, headers: null })
    }
    await transaction.commit()
  }
}

export interface ChurnRun {
  readonly engine: RunningEngine
  readonly snapshots: SnapshotStore
  /** Rows emitted so far. */
  readonly counts: { rows: number; byTime: number; commits: number }
  close(): Promise<void>
}

/** What a process keeps for those who look at it. */
export interface Watched {
  /** Whether histories and top lists are kept. */
  readonly history?: boolean
  readonly board?: ScoreBoard
}

export async function startChurn(
  folder: string,
  log: EmbeddedLog,
  settings: Partial<EngineSettings>,
  watched: Watched = {},
): Promise<ChurnRun> {
  const app = churn()
  const observer = { scored: () => undefined, degraded: () => undefined }
  const bundles = new URL('../../bundles/churn', import.meta.url).pathname
  const kept = join(folder, 'models')
  const models = await openModels(app, { model: null, fallback: null, bundles, kept }, observer)
  const snapshots = await openLevelSnapshots(join(folder, 'snapshots'), {
    ...(watched.history === true && { history: emittedHistory(log, topics, layoutOf(app)) }),
  })
  const counts = { rows: 0, byTime: 0, commits: 0 }
  const engine = startEngine(
    {
      program: featureProgram(app.engine),
      codec: app.codec,
      rules: app.rules,
      layout: layoutOf(app),
      log,
      topics,
      home: new LevelStoreHome(join(folder, 'state'), 'state'),
      snapshots,
      scoring: models.scoring,
      settings: { ...defaultSettings, ...settings },
      incarnation: 'bench',
      lowWatermark: () => null,
      committed: (commit, partition) => {
        const { rows } = commit
        if (watched.board !== undefined) observeCommit(watched.board, commit, partition)
        counts.commits++
        counts.rows += rows.length
        for (const cause of rows.causes) if (cause === 'time') counts.byTime++
      },
      note: (text) => console.error(text),
    },
    { app: 'churn', synthetic: true },
  )
  return {
    engine,
    snapshots,
    counts,
    close: async () => {
      await engine.stop()
      await snapshots.close()
      await models.close()
    },
  }
}

/** W1's job over a log on Kafka: its topics, and the engine. */
import { join } from 'node:path'
import type { FeatureRows } from '../../src/features/rows.js'
import { KafkaLog } from '../../src/log/kafka-log.js'
import { newTopicPlans } from '../../src/log/kafka-topic-plan.js'
import { createTopicSetup } from '../../src/log/kafka-topic-setup.js'
import { topicsOf } from '../../src/log/log.js'
import { LevelStoreHome } from '../../src/state/level-store-home.js'
import { type RunningEngine, startEngine } from '../../src/topology/engine.js'
import { defaultSettings, type EngineSettings } from '../../src/topology/settings.js'
import { MapSnapshots } from '../../test/support/topology.js'
import { w1Codec, w1Program, w1Scoring, type W1State } from './w1-program.js'

export const topics = topicsOf('w1')
const timeBase = { kind: 'none' } as const

export const w1Layout = {
  app: 'w1',
  featureSet: 'w1/1',
  appHash: '00'.repeat(32),
  columns: w1Program.columns,
  ids: { features: 2, scores: 3 },
}

/** Makes the topics of an empty broker. */
export async function createW1Topics(brokers: string[], partitions: number): Promise<void> {
  const plans = newTopicPlans(topics, timeBase)
  await createTopicSetup({ brokers, plans }, { partitions, replication: 1 })
}

export function openW1Log(brokers: string[]): Promise<KafkaLog> {
  return KafkaLog.open({ brokers, topics: Object.values(topics), timeBase })
}

/** `committed` is shown the rows of each commit. */
export function startW1(
  log: KafkaLog,
  folder: string,
  committed: (rows: FeatureRows) => void,
  delivery: EngineSettings['delivery'] = 'exactlyOnce',
): RunningEngine {
  return startEngine<W1State>(
    {
      program: w1Program,
      codec: w1Codec,
      rules: { check: () => null },
      layout: w1Layout,
      log,
      topics,
      logsState: true,
      home: new LevelStoreHome(join(folder, 'state'), 'state'),
      // W1 asks for committed scores; a snapshot store is no part of it.
      snapshots: Object.assign(new MapSnapshots(), { put: () => undefined }),
      scoring: w1Scoring,
      settings: { ...defaultSettings, delivery },
      incarnation: 'bench',
      lowWatermark: () => null,
      committed: ({ rows }) => committed(rows),
      note: (text) => console.error(text),
    },
    { app: 'w1', synthetic: true },
  )
}

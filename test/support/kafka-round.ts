/**
 * What members of a group have made of an input on Kafka, held against an engine over the same input
 * in memory that nobody disturbed.
 */
import { partitionOf } from '../../src/events/partition.js'
import { KafkaLog } from '../../src/log/kafka-log.js'
import { newTopicPlans } from '../../src/log/kafka-topic-plan.js'
import { createTopicSetup } from '../../src/log/kafka-topic-setup.js'
import type { EventLog, LogRecord, Topics } from '../../src/log/log.js'
import { topicsOf } from '../../src/log/log.js'
import { MemoryLog } from '../../src/log/memory-log.js'
import type { Position, StateSum } from '../../src/operators/position.js'
import { featureProgram } from '../../src/operators/program.js'
import { verify, type VerifyReport } from '../../src/replay/verify.js'
import { MemoryStoreHome } from '../../src/state/memory-store.js'
import { openOverlay } from '../../src/state/restore.js'
import { startEngine } from '../../src/topology/engine.js'
import { followState } from '../../src/topology/restore-state.js'
import { defaultSettings } from '../../src/topology/settings.js'
import { kafkajs } from './kafka-place.js'
import { app, layout } from './kill/churn-parts.js'
import { type DataFacts, outputFacts, type PartitionFacts } from './kill/data-facts.js'
import { madeUpRecords } from './kill/input.js'
import type { Scoring } from '../../src/scoring/scorer.js'
import { hashScorer, hashScoring } from './kill/scoring.js'
import { type Outputs, readOutputs } from './outputs.js'
import { kafkaBrokers } from './shared-broker.js'
import { MapHome, MapSnapshots } from './topology.js'

const none = { kind: 'none' } as const

interface CollectedFacts extends DataFacts {
  readonly partitions: PartitionFacts[]
  readonly faults: string[]
  commits: number
}

/** A record and where a producer puts it. */
export interface Placed {
  readonly record: LogRecord
  readonly partition: number
}

export function placedRecords(seed: number, customers: number, partitions: number): Placed[] {
  return madeUpRecords(seed, customers, app.codec).map((record, i) => {
    const due = record.key === null ? 0 : partitionOf(record.key, partitions)
    // Now and then a producer with another partitioner.
    return { record, partition: i % 200 === 0 ? (due + 1) % partitions : due }
  })
}

/** Topics on the brokers, and a producer as everybody has one: its offsets have no gaps. */
export class KafkaRound {
  readonly topics: Topics

  constructor(
    readonly prefix: string,
    readonly brokers: string[],
    readonly partitions: number,
  ) {
    this.topics = topicsOf(`${prefix}${app.name}`)
  }

  static async begin(prefix: string, partitions: number): Promise<KafkaRound> {
    const round = new KafkaRound(prefix, await kafkaBrokers(), partitions)
    // As planned: by the brokers' own settings what is stamped a year ago would soon be deleted.
    const plans = newTopicPlans(round.topics, none)
    await createTopicSetup({ brokers: round.brokers, plans }, { partitions, replication: 1 })
    return round
  }

  open(): Promise<KafkaLog> {
    const topics = Object.values(this.topics)
    return KafkaLog.open({ brokers: this.brokers, topics, timeBase: none, fetchWaitMs: 100 })
  }

  async produce(placed: readonly Placed[]): Promise<void> {
    const producer = kafkajs(this.brokers).producer()
    await producer.connect()
    for (let from = 0; from < placed.length; from += 250) {
      const messages = placed.slice(from, from + 250).map(({ record, partition }) => ({
        ...record,
        headers: {},
        partition,
        timestamp: String(record.timestamp),
      }))
      await producer.send({ topic: this.topics.events, messages })
    }
    await producer.disconnect()
  }

  async facts(log: EventLog): Promise<DataFacts> {
    const facts = this.noFacts()
    for (let partition = 0; partition < this.partitions; partition++) {
      await this.addFacts(facts, log, await readOutputs(log, this.topics, partition, layout))
    }
    return facts
  }

  noFacts(): CollectedFacts {
    return { partitions: [], commits: 0, sources: [], aside: [], faults: [] }
  }

  /** Of the partition that comes next. */
  async addFacts(facts: CollectedFacts, log: EventLog, outputs: Outputs): Promise<void> {
    const { partition, positions } = outputs
    const last = positions.at(-1)!
    facts.faults.push(...outputs.faults)
    facts.partitions.push(await outputFacts(log, this.topics.events, outputs, last.state!))
    facts.commits += positions.length
    const folded = await this.foldedState(log, partition, last)
    if (folded.digest === last.state!.digest && folded.customers === last.state!.customers) return
    const text = `${JSON.stringify(folded)} instead of ${JSON.stringify(last.state)}`
    facts.faults.push(`partition ${partition}: the state in the log is ${text}`)
  }

  /** What the records of the state amount to, proved by a scan. */
  private async foldedState(log: EventLog, partition: number, last: Position): Promise<StateSum> {
    const store = await new MemoryStoreHome().open(partition)
    const parts = { log, topics: this.topics, settings: defaultSettings, note: () => undefined }
    const stop = new AbortController().signal
    await followState(parts, partition, store, last, { restoring: () => undefined, stop })
    const { overlay } = await openOverlay(
      store,
      app.engine.codec,
      { hotBytesMax: 0 },
      () => undefined,
    )
    return { digest: overlay.digest.toString(), customers: overlay.customers }
  }

  async verify(log: EventLog): Promise<VerifyReport> {
    const home = new MemoryStoreHome()
    return verify({
      log,
      topics: this.topics,
      program: featureProgram(app.engine),
      codec: app.codec,
      rules: app.rules,
      layout,
      scorerOf: async (hash) => (hash === hashScorer.bundle.hash ? hashScorer : null),
      scratch: (partition) => home.open(partition),
    })
  }

  /** The facts of an engine in memory over the same records, one partition at a time. */
  async undisturbed(placed: readonly Placed[], scoring: Scoring = hashScoring): Promise<DataFacts> {
    const facts = this.noFacts()
    for (let partition = 0; partition < this.partitions; partition++) {
      const log = new MemoryLog({ partitions: this.partitions, timeBase: none })
      const transaction = log.begin('input')
      for (const one of placed) {
        if (one.partition === partition)
          transaction.append(this.topics.events, partition, one.record)
      }
      await transaction.commit()
      await this.run(log, scoring)
      await this.addFacts(facts, log, await readOutputs(log, this.topics, partition, layout))
    }
    return facts
  }

  /** An engine to the end of what is in the log. */
  private async run(log: EventLog, scoring: Scoring): Promise<void> {
    const engine = startEngine(
      {
        program: featureProgram(app.engine),
        codec: app.codec,
        rules: app.rules,
        layout,
        log,
        topics: this.topics,
        logsState: true,
        home: new MapHome(),
        snapshots: new MapSnapshots(),
        scoring,
        settings: defaultSettings,
        incarnation: 'undisturbed',
        lowWatermark: () => null,
        committed: () => undefined,
        note: () => undefined,
      },
      { app: app.name, synthetic: true },
    )
    await engine.idle()
    await engine.stop()
  }
}

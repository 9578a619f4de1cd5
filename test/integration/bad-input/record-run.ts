/** One engine run over all bad records: the real codec, topology, log and stores of the churn app. */
import { join } from 'node:path'
import { churn } from '../../../src/apps/churn/app.js'
import { layoutOf } from '../../../src/cli/layout.js'
import { type FeaturesRow, OutputRows } from '../../../src/events/output-rows.js'
import { partitionOf } from '../../../src/events/partition.js'
import { EmbeddedLog } from '../../../src/log/embedded-log.js'
import { type EventLog, type LogRecord, type StoredRecord, topicsOf } from '../../../src/log/log.js'
import type { Position } from '../../../src/operators/position.js'
import { featureProgram } from '../../../src/operators/program.js'
import { noModel } from '../../../src/scoring/no-model.js'
import { openLevelSnapshots } from '../../../src/snapshots/level-snapshots.js'
import { LevelStoreHome } from '../../../src/state/level-store-home.js'
import { startEngine } from '../../../src/topology/engine.js'
import { defaultSettings, type EngineSettings } from '../../../src/topology/settings.js'
import { codec, good } from './events.js'
import type { RecordLine } from './record-line.js'

const app = churn()
const topics = topicsOf(app.name)
const partitions = 2
function home(customer: string): number {
  return partitionOf(Buffer.from(customer), partitions)
}

/** One customer in each partition whose events come before, between and after the bad ones. */
export const witnesses = [0, 1].map((due) =>
  ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'].find((name) => home(name) === due)!,
)

export interface PlacedRecord extends StoredRecord {
  readonly partition: number
}

export interface RecordRun {
  /** Where each line's bad record lies. */
  readonly places: readonly { readonly partition: number; readonly offset: number }[]
  readonly input: readonly PlacedRecord[]
  readonly rejects: readonly PlacedRecord[]
  readonly late: readonly PlacedRecord[]
  /** Last feature row by customer; null where it was erased. */
  readonly features: ReadonlyMap<string, FeaturesRow | null>
  /** Position records of each partition, in order. */
  readonly positions: readonly (readonly Position[])[]
  /** What the engine said of itself when everything was through. */
  readonly states: readonly string[]
}

/** Customer of a line: its own id, or one of nobody else. */
export function customerOf(line: RecordLine, index: number): string {
  return line.customer ?? `line-${index}`
}

export interface RunOptions {
  readonly settings?: Partial<EngineSettings>
  /** Only what the witnesses do. */
  readonly witnessesOnly?: boolean
}

/** Puts the records of all lines into a new log, runs the engine to idle, stops it and reads. */
export async function runRecords(
  folder: string,
  lines: readonly RecordLine[],
  { settings = {}, witnessesOnly = false }: RunOptions = {},
): Promise<RecordRun> {
  const options = { partitions, timeBase: { kind: 'none' } } as const
  let log = await EmbeddedLog.open(join(folder, 'log'), options)
  const places = await append(log, lines, witnessesOnly)
  const states = [await runEngine(log, folder, settings)]
  await log.close()
  // A second start has nothing to do, and says so: what is read below is what it leaves.
  log = await EmbeddedLog.open(join(folder, 'log'))
  states.push(await runEngine(log, folder, settings))
  const run = { places, states, ...(await outputsOf(log)) }
  await log.close()
  return run
}

async function append(
  log: EventLog,
  lines: readonly RecordLine[],
  witnessesOnly: boolean,
): Promise<RecordRun['places']> {
  const transaction = log.begin('producer')
  const ends = Array.from({ length: partitions }, () => 0)
  const put = (partition: number, record: LogRecord) => {
    if (witnessesOnly && !witnesses.includes(String(record.key))) return { partition, offset: -1 }
    transaction.append(topics.events, partition, record)
    return { partition, offset: ends[partition]++ }
  }
  const witness = (number: number): void => {
    for (const customer of witnesses) {
      put(home(customer), good(customer, 'session', { event_id: `visit ${number}` }))
    }
  }
  witness(0)
  const places = lines.map((line, index) => {
    const customer = customerOf(line, index)
    for (const record of line.before?.(customer) ?? []) put(home(customer), record)
    const due = home(customer)
    const place = put(line.elsewhere ? 1 - due : due, line.record(customer))
    witness(index + 1)
    return place
  })
  await transaction.commit()
  return places
}

async function runEngine(
  log: EmbeddedLog,
  folder: string,
  settings: Partial<EngineSettings>,
): Promise<string> {
  const snapshots = await openLevelSnapshots(join(folder, 'snapshots'))
  const engine = startEngine(
    {
      program: featureProgram(app.engine),
      codec,
      rules: app.rules,
      layout: layoutOf(app),
      log,
      topics,
      home: new LevelStoreHome(join(folder, 'state'), 'state'),
      snapshots,
      scoring: noModel,
      settings: { ...defaultSettings, ...settings },
      incarnation: 'test',
      lowWatermark: () => null,
      committed: () => undefined,
      note: () => undefined,
    },
    { app: app.name, synthetic: false },
  )
  await engine.idle()
  const { state } = engine.status()
  await engine.stop()
  await snapshots.close()
  return state
}

async function outputsOf(log: EventLog): Promise<Omit<RecordRun, 'places' | 'states'>> {
  const rows = new OutputRows(layoutOf(app))
  const features = new Map<string, FeaturesRow | null>()
  for (const { key, value } of await all(log, topics.features)) {
    features.set(key!.toString(), value === null ? null : rows.decodeFeatures(value))
  }
  const changelog = await all(log, topics.changelog)
  return {
    input: await all(log, topics.events),
    rejects: await all(log, topics.rejects),
    late: await all(log, topics.late),
    features,
    positions: Array.from({ length: partitions }, (_, partition) =>
      changelog
        .filter((record) => record.partition === partition)
        .map(({ value }) => JSON.parse(value!.toString()) as Position),
    ),
  }
}

async function all(log: EventLog, topic: string): Promise<PlacedRecord[]> {
  const records: PlacedRecord[] = []
  for (let partition = 0; partition < partitions; partition++) {
    const reader = log.reader(topic, partition, 0)
    for (let atEnd = false; !atEnd;) {
      const poll = await reader.poll(1000, 0)
      // The buffers are views of blocks, and outlive the log here.
      records.push(...poll.records.map((record) => copyOf(record, partition)))
      atEnd = poll.atEnd
    }
    await reader.close()
  }
  return records
}

function copyOf({ key, value, timestamp, headers, offset }: StoredRecord, partition: number) {
  return { key, value, timestamp, headers, offset, partition }
}

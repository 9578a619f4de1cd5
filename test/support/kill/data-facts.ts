/** What a data directory holds after all is done: the facts that a crash must not change. */
import { createHash } from 'node:crypto'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { isReject } from '../../../src/events/event.js'
import { EmbeddedLog } from '../../../src/log/embedded-log.js'
import type { EventLog } from '../../../src/log/log.js'
import type { StateSum } from '../../../src/operators/position.js'
import { openLevelSnapshots } from '../../../src/snapshots/level-snapshots.js'
import type { SnapshotStore } from '../../../src/snapshots/snapshots.js'
import { LevelStoreHome } from '../../../src/state/level-store-home.js'
import { lastRows, mapDifferences, readOutputs, recordsOf, type Outputs } from '../outputs.js'
import { storedState } from '../stored-state.js'
import { app, layout, topics } from './churn-parts.js'

/** What must be the same whatever was killed on the way (C7). */
export interface PartitionFacts {
  /** The last position without what depends on where commits close. */
  readonly position: string
  readonly digest: string
  readonly customers: number
  readonly rows: ReadonlyMap<string, string>
  readonly rejected: readonly string[]
  readonly late: readonly string[]
  /** A hash over the input's records, in order. */
  readonly input: string
}

export interface DataFacts {
  readonly partitions: readonly PartitionFacts[]
  readonly commits: number
  /** `source` of each event in the log and of each row that the ingest rejected. */
  readonly sources: readonly string[]
  /** Stores that were set aside. */
  readonly aside: readonly string[]
  /** What is wrong without a look at another run. */
  readonly faults: readonly string[]
}

/** Reads the directory of an engine that has stopped, and checks all that it says of itself. */
export async function dataFacts(directory: string): Promise<DataFacts> {
  const faults: string[] = []
  const log = await EmbeddedLog.open(join(directory, 'log'), { mustExist: true })
  const home = new LevelStoreHome(join(directory, 'state'), 'state')
  const snapshots = await openLevelSnapshots(join(directory, 'snapshots'), {
    onDamage: (text) => void faults.push(text),
  })
  const partitions: PartitionFacts[] = []
  const sources: string[] = []
  let commits = 0
  try {
    for (let partition = 0; partition < log.partitions(topics.events); partition++) {
      const outputs = await readOutputs(log, topics, partition, layout)
      faults.push(...outputs.faults, ...(await snapshotFaults(snapshots, outputs)))
      partitions.push(await partitionFacts(log, home, outputs, faults))
      sources.push(...(await sourcesOf(log, partition)))
      commits += outputs.positions.length
    }
  } finally {
    await snapshots.close()
    await log.close()
  }
  const names = [
    ...(await readdir(join(directory, 'state'))),
    ...(await readdir(join(directory, 'snapshots'))),
  ]
  const aside = names.filter((name) => name.includes('damaged'))
  return { partitions, commits, sources, aside, faults }
}

async function partitionFacts(
  log: EmbeddedLog,
  home: LevelStoreHome,
  outputs: Outputs,
  faults: string[],
): Promise<PartitionFacts> {
  const { partition } = outputs
  const last = outputs.positions.at(-1)
  const stored = await storedState(home, partition, app.engine.codec)
  const { endOffset, logClock, logTime, counts } = last!
  const held = { endOffset, logClock, logTime, counts }
  const { position: at } = stored!
  const kept = {
    endOffset: at.endOffset,
    logClock: at.logClock,
    logTime: at.logTime,
    counts: at.counts,
  }
  if (sorted(kept) !== sorted(held)) {
    faults.push(
      `partition ${partition}: the store is at ${sorted(kept)}, the log at ${sorted(held)}`,
    )
  }
  if (endOffset !== outputs.input)
    faults.push(`${endOffset} of ${outputs.input} records are committed`)
  return outputFacts(log, topics.events, outputs, stored!)
}

/** The facts of one partition that the log has, and what its state amounts to. */
export async function outputFacts(
  log: EventLog,
  input: string,
  outputs: Outputs,
  { digest, customers }: StateSum,
): Promise<PartitionFacts> {
  const { partition, rejected, late, positions } = outputs
  const { endOffset, logClock, logTime, asOf, timers, model, counts } = positions.at(-1)!
  const hash = createHash('sha256')
  for (const { key, value, timestamp } of await recordsOf(log, input, partition)) {
    hash.update(`${timestamp} ${key?.toString('hex')} ${value?.toString('hex')}\n`)
  }
  return {
    position: sorted({ endOffset, logClock, logTime, counts, asOf, timers, model }),
    digest,
    customers,
    rows: lastRows(outputs),
    rejected,
    late,
    input: hash.digest('hex'),
  }
}

/** JSON with the members in order: counts stand in that of their first reject. */
function sorted(value: unknown): string {
  return JSON.stringify(value, (_, member: unknown) =>
    typeof member === 'object' && member !== null && !Array.isArray(member)
      ? Object.fromEntries(Object.entries(member).sort(([a], [b]) => (a < b ? -1 : 1)))
      : member,
  )
}

/** Each customer's snapshot is his last row, byte for byte, and nobody else has one. */
async function snapshotFaults(snapshots: SnapshotStore, outputs: Outputs): Promise<string[]> {
  const last = new Map(outputs.pairs.map((pair) => [pair.customer, pair]))
  const hex = (bytes: Uint8Array | null) =>
    bytes === null ? 'none' : Buffer.from(bytes).toString('hex')
  const due = new Map<string, string>()
  const came = new Map<string, string>()
  for (const [customer, { commit, bytes }] of last) {
    if (bytes.features !== null) {
      due.set(customer, `${commit} ${hex(bytes.features)} ${hex(bytes.score)}`)
    }
    const snapshot = await snapshots.get(customer)
    if (snapshot === null) continue
    came.set(customer, `${snapshot.version} ${hex(snapshot.features)} ${hex(snapshot.score)}`)
  }
  const cursor = await snapshots.cursor(outputs.partition)
  const commit = outputs.positions.length
  const faults = mapDifferences('snapshot', came, due)
  const ends = { commit, featuresOffset: outputs.pairs.length, scoresOffset: outputs.pairs.length }
  if (sorted(cursor) !== sorted(ends)) {
    faults.push(`snapshots are at ${sorted(cursor)}, the outputs at ${sorted(ends)}`)
  }
  return faults
}

async function sourcesOf(log: EmbeddedLog, partition: number): Promise<string[]> {
  const sources: string[] = []
  for (const { value } of await recordsOf(log, topics.events, partition)) {
    const decoded = value === null ? null : app.codec.decode(value)
    if (decoded !== null && !isReject(decoded)) sources.push(String(decoded.body['source']))
  }
  for (const { value, headers } of await recordsOf(log, topics.rejects, partition)) {
    if (
      !headers?.some(
        ([name, stage]) => name === 'tidemark.errors.stage' && String(stage) === 'ingest',
      )
    )
      continue
    sources.push((JSON.parse(String(value)) as { source: string }).source)
  }
  return sources
}

/** Where the facts of a killed run differ from those of one that never was. */
export function factDifferences(came: DataFacts, due: DataFacts): string[] {
  const faults: string[] = []
  due.partitions.forEach((there, partition) => {
    const here = came.partitions[partition]
    if (here === undefined) return void faults.push(`partition ${partition} is missing`)
    for (const name of ['position', 'digest', 'customers', 'input'] as const) {
      if (here[name] === there[name]) continue
      faults.push(`partition ${partition}: ${name} is ${here[name]} instead of ${there[name]}`)
    }
    for (const name of ['rejected', 'late'] as const) {
      if (here[name].join() !== there[name].join())
        faults.push(`partition ${partition}: other ${name}`)
    }
    faults.push(...mapDifferences('last row', here.rows, there.rows))
  })
  if ([...came.sources].sort().join() !== [...due.sources].sort().join()) {
    faults.push('other rows of the source are in the log')
  }
  return faults
}

/** Rows of the source that are not in the log exactly once. */
export function sourceFaults({ sources }: DataFacts, rows: number): string[] {
  const times = new Map<string, number>()
  for (const source of sources) times.set(source, (times.get(source) ?? 0) + 1)
  const faults: string[] = []
  for (let row = 0; row < rows; row++) {
    const count = times.get(`row-${row}`) ?? 0
    if (count !== 1) faults.push(`row ${row} is in the log ${count} times`)
  }
  return faults
}

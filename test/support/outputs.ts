/**
 * Everything that one partition of an app has put out, read back from its log, and what may never
 * be wrong with it whatever happened on the way.
 */
import { commitOf } from '../../src/events/output-head.js'
import {
  OutputRows,
  type FeaturesRow,
  type RowLayout,
  type ScoreRow,
} from '../../src/events/output-rows.js'
import type { EventLog, StoredRecord, Topics } from '../../src/log/log.js'
import { tombstoneCommit } from '../../src/operators/deliver.js'
import { countedRecords, type Position } from '../../src/operators/position.js'

/** A feature row and its score; both null: a tombstone. */
export interface EmittedPair {
  readonly customer: string
  readonly commit: number
  readonly features: FeaturesRow | null
  readonly score: ScoreRow | null
  readonly bytes: { readonly features: Buffer | null; readonly score: Buffer | null }
}

export interface Outputs {
  readonly partition: number
  readonly positions: readonly Position[]
  readonly pairs: readonly EmittedPair[]
  /** `offset code` of each record that the engine rejected. */
  readonly rejected: readonly string[]
  /** `offset bound clock` of each late one. */
  readonly late: readonly string[]
  /** Records in the events topic. */
  readonly input: number
  /** What is wrong on the face of it. */
  readonly faults: readonly string[]
}

/** All records of a partition up to its end. */
export async function recordsOf(
  log: EventLog,
  topic: string,
  partition: number,
): Promise<StoredRecord[]> {
  const end = await log.endOffset(topic, partition)
  const reader = log.reader(topic, partition, 0)
  const records: StoredRecord[] = []
  // Offsets have gaps on some logs: their number says nothing.
  while ((records.at(-1)?.offset ?? -1) < end - 1) {
    records.push(...(await reader.poll(1024, 1000)).records)
  }
  await reader.close()
  return records.filter(({ offset }) => offset < end)
}

/** Reads the outputs of a partition and checks all that needs no knowledge of the app. */
export async function readOutputs(
  log: EventLog,
  topics: Topics,
  partition: number,
  layout: RowLayout,
): Promise<Outputs> {
  const faults: string[] = []
  const changelog = await recordsOf(log, topics.changelog, partition)
  const positions = changelog.map(({ value }) => JSON.parse(String(value)) as Position)
  const features = await recordsOf(log, topics.features, partition)
  const scores = await recordsOf(log, topics.scores, partition)
  const rows = new OutputRows(layout)
  if (features.length !== scores.length) {
    faults.push(`${features.length} feature rows, ${scores.length} scores`)
  }
  const pairs = features.map((record, i) => pairOf(record, scores[i], rows, faults))
  const engines = (await recordsOf(log, topics.rejects, partition)).filter(
    (record) => header(record, 'tidemark.errors.stage') !== 'ingest',
  )
  const late = await recordsOf(log, topics.late, partition)
  const outputs = {
    partition,
    positions,
    pairs,
    rejected: engines.map((record) =>
      headers(record, ['__streams.errors.offset', 'tidemark.errors.code']),
    ),
    late: late.map((record) =>
      headers(record, ['__streams.errors.offset', 'tidemark.late.bound', 'tidemark.late.clock']),
    ),
    input: await log.endOffset(topics.events, partition),
  }
  faults.push(
    ...positionFaults(positions),
    ...pairFaults(pairs, positions),
    ...countFaults(outputs),
  )
  return { ...outputs, faults: faults.map((fault) => `partition ${partition}: ${fault}`) }
}

function pairOf(
  record: StoredRecord,
  other: StoredRecord | undefined,
  rows: OutputRows,
  faults: string[],
): StoredPair {
  const customer = String(record.key)
  if (other === undefined || String(other.key) !== customer) {
    faults.push(
      `feature row ${record.offset} is of ${customer}, its score of ${String(other?.key)}`,
    )
  }
  const bytes = { features: record.value, score: other?.value ?? null }
  const features = bytes.features && rows.decodeFeatures(bytes.features)
  const commit = features?.commit ?? tombstoneCommit(record.headers)
  if (bytes.score !== null && commitOf(bytes.score) !== commit) {
    faults.push(`the row and the score at ${record.offset} are of two commits`)
  }
  const prefix = features && `${features.endOffset}@${features.asOf}`
  return new StoredPair(customer, commit, prefix, rows, bytes)
}

/** Decodes whenever it is asked: a million pairs are too many to be kept as objects. */
class StoredPair implements EmittedPair {
  constructor(
    readonly customer: string,
    readonly commit: number,
    /** What the row says that it is a function of; null: a tombstone. */
    readonly prefix: string | null,
    private readonly rows: OutputRows,
    readonly bytes: EmittedPair['bytes'],
  ) {}

  get features(): FeaturesRow | null {
    return this.bytes.features && this.rows.decodeFeatures(this.bytes.features)
  }

  get score(): ScoreRow | null {
    return this.bytes.score && this.rows.decodeScore(this.bytes.score)
  }
}

function header(record: StoredRecord, name: string): string | undefined {
  return record.headers?.find(([given]) => given === name)?.[1].toString()
}

function headers(record: StoredRecord, names: readonly string[]): string {
  return names.map((name) => header(record, name)).join(' ')
}

/** No gap in the commit numbers, and nothing goes back. */
function positionFaults(positions: readonly Position[]): string[] {
  const faults: string[] = []
  let before: Position | null = null
  for (const [i, position] of positions.entries()) {
    if (position.commit !== i + 1)
      faults.push(`commit ${position.commit} stands where ${i + 1} is due`)
    for (const name of ['endOffset', 'logClock', 'logTime', 'asOf'] as const) {
      if (before !== null && position[name] < before[name]) {
        faults.push(
          `commit ${position.commit}: ${name} goes back from ${before[name]} to ${position[name]}`,
        )
      }
    }
    if (position.asOf < position.logClock)
      faults.push(`commit ${position.commit}: asOf below clock`)
    before = position
  }
  return faults
}

/** No (key, commit) twice; commits in order; a row's coordinates are those of its commit. */
function pairFaults(pairs: readonly StoredPair[], positions: readonly Position[]): string[] {
  const faults: string[] = []
  const seen = new Set<string>()
  let commit = 0
  for (const pair of pairs) {
    const name = `${pair.customer} in commit ${pair.commit}`
    if (seen.has(name)) faults.push(`two rows of ${name}`)
    seen.add(name)
    if (pair.commit < commit) faults.push(`${name} stands behind commit ${commit}`)
    commit = pair.commit
    const position = positions[pair.commit - 1]
    if (position === undefined) faults.push(`${name}: there is no such commit`)
    else if (pair.prefix !== null) {
      const due = `${position.endOffset}@${position.asOf}`
      if (pair.prefix !== due) faults.push(`${name} is of ${pair.prefix}, the commit of ${due}`)
    }
  }
  return faults
}

/** Each record is counted once, and what was rejected or late lies in its topic, once. */
function countFaults(outputs: Omit<Outputs, 'faults'>): string[] {
  const faults: string[] = []
  const last = outputs.positions.at(-1)
  if (last === undefined) return faults
  const counted = countedRecords(last.counts)
  if (counted !== last.endOffset) faults.push(`${counted} of ${last.endOffset} records are counted`)
  const rejected = Object.values(last.counts.rejected).reduce((sum, count) => sum + count, 0)
  if (outputs.rejected.length !== rejected) {
    faults.push(`${rejected} rejects are counted, ${outputs.rejected.length} are there`)
  }
  if (outputs.late.length !== last.counts.late) {
    faults.push(`${last.counts.late} late events are counted, ${outputs.late.length} are there`)
  }
  for (const list of [outputs.rejected, outputs.late]) {
    const offsets = list.map((text) => Number(text.split(' ')[0]))
    const sorted = [...new Set(offsets)].sort((a, b) => a - b)
    if (sorted.join() !== offsets.join())
      faults.push('rejects or late events twice or out of order')
  }
  return faults
}

/** The last row of each customer as text, without the coordinates; `erased` and `retired` as such. */
export function lastRows(outputs: Outputs): Map<string, string> {
  const last = new Map(outputs.pairs.map((pair) => [pair.customer, pair]))
  const texts = new Map<string, string>()
  for (const [customer, { features, score }] of last) {
    if (features === null) texts.set(customer, 'erased')
    // Of the instant at which his timer was served, be it late: all others are of the last one.
    else if (features.retired) texts.set(customer, 'retired')
    else texts.set(customer, rowText(features, score))
  }
  return texts
}

/** What of a row is a function of customer and instant alone, wherever commits close. */
export function rowText(features: FeaturesRow, score: ScoreRow | null): string {
  const { values, validUntil, retired, eligible } = features
  const { bundle, probability, risk, decision, servedBy, degraded } = score ?? {}
  const scored = { bundle, probability, risk, decision, servedBy, degraded }
  return JSON.stringify({ values, validUntil, retired, eligible, ...scored })
}

/** Where two maps differ, key by key, the first few. */
export function mapDifferences(
  name: string,
  came: ReadonlyMap<string, string>,
  due: ReadonlyMap<string, string>,
): string[] {
  const faults: string[] = []
  for (const key of new Set([...due.keys(), ...came.keys()])) {
    if (came.get(key) === due.get(key)) continue
    faults.push(
      `${name} of ${key}: ${came.get(key) ?? 'nothing'} instead of ${due.get(key) ?? 'nothing'}`,
    )
  }
  return faults.length > 5 ? [...faults.slice(0, 5), `… and ${faults.length - 5} more`] : faults
}

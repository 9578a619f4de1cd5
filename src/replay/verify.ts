/**
 * Re-derives everything that was emitted, and finds what is missing.
 *
 * The only acceptable figure for mismatches and for missing rows is 0. Beside them stands what
 * could not be checked: scores of bundles that are not at hand, rows of customers erased since.
 */
import { configurationError } from '../errors.js'
import { OutputRows, type RowLayout } from '../events/output-rows.js'
import { murmur2 } from '../events/partition.js'
import type { EventLog, StoredRecord } from '../log/log.js'
import { generationOf } from '../operators/generation.js'
import { assertSameInput, type Position } from '../operators/position.js'
import { TopicRows } from './commit-rows.js'
import { DerivedState } from './derived-state.js'
import { EmittedTopic, type TopicRange } from './emitted.js'
import { type Finding, Findings, type VerifyCounts } from './findings.js'
import { originOf } from './origin.js'
import { readPartition } from './read-log.js'
import { RecordCursor } from './record-cursor.js'
import { Rederiver } from './rederive.js'
import type { VerifiedGeneration, VerifyOptions } from './verify-options.js'
import { PartitionWalk } from './verify-partition.js'

export interface VerifyReport extends VerifyCounts {
  /** Neither mismatches nor missing rows. */
  readonly ok: boolean
  /** Scores that could not be derived again, by the hash of the bundle that is missing. */
  readonly bundlesMissing: Readonly<Record<string, number>>
  /** The first findings, in the order of the log. */
  readonly findings: readonly Finding[]
}

/**
 * Verifies all partitions. Raises `STATE_OF_ANOTHER_APP` (exit 78) where the outputs are not of
 * this declaration, `HISTORY_LOST` (78) where input that they were derived from has been deleted, and
 * whatever log and store raise.
 *
 * @example
 * const report = await verify({ log, topics, program, codec, rules, layout, scorerOf, scratch })
 * if (!report.ok) process.exitCode = 1
 */
export async function verify<S>(options: VerifyOptions<S>): Promise<VerifyReport> {
  const { log, topics } = options
  const findings = new Findings()
  const partitions = log.partitions(topics.events)
  let total = 0
  for (let p = 0; p < partitions; p++) total += await log.endOffset(topics.events, p)
  for (let p = 0; p < partitions; p++) {
    for (const pass of await passesOf(options, p)) {
      await verifyPartition({ ...options, ...pass.by }, p, pass, findings, total)
    }
  }
  const { counts, first, bundlesMissing } = findings
  return {
    ...counts,
    ok: counts.mismatches === 0 && counts.missing === 0,
    bundlesMissing: Object.fromEntries(bundlesMissing),
    findings: first,
  }
}

async function verifyPartition<S>(
  options: VerifyOptions<S>,
  partition: number,
  pass: Pass<S>,
  findings: Findings,
  total: number,
): Promise<void> {
  const { log, topics, layout, scorerOf } = options
  // The changelog's end first: rows of what it names are then within the other topics' ends.
  const changelogEnd = await log.endOffset(topics.changelog, partition)
  const output = new OutputRows(layout)
  const featuresRange = await rangeOf(log, topics.features, partition)
  const scoresRange = await rangeOf(log, topics.scores, partition)
  const eventsEnd = await log.endOffset(topics.events, partition)
  const features = new EmittedTopic(log, featuresRange, (bytes) => output.decodeFeatures(bytes))
  const scores = new EmittedTopic(log, scoresRange, (bytes) => output.decodeScore(bytes))
  const start = await originOf(log, topics, partition)
  const input = new RecordCursor(log, topics.events, partition, start)
  const store = await options.scratch(partition)
  const isSampled = samplerOf(options.sample ?? 100)
  const state = new DerivedState(options, partition, store, start, isSampled)
  const place = { layout, topic: topics.events, partition, scorerOf }
  const walk = new PartitionWalk({
    options,
    partition,
    generation: pass.generation,
    isLast: pass.isLast,
    input,
    state,
    emitted: { features: new TopicRows(features), scores: new TopicRows(scores) },
    rederiver: new Rederiver(place, findings),
    findings,
    erasures: await log.erasures(topics.events, partition, eventsEnd),
    isSampled,
  })
  try {
    walking: for await (const portion of readPartition(
      log,
      topics.changelog,
      partition,
      changelogEnd,
    )) {
      for (const record of portion) {
        options.signal?.throwIfAborted()
        const position = parsedPosition(record)
        if (position === null) {
          if (pass.isLast) findings.add(unreadable(record, partition))
          continue
        }
        if (generationOf(position) !== pass.generation && options.others !== undefined) {
          await walk.pass(position)
          continue
        }
        checkApp(position, layout)
        assertSameInput(position, log, topics.events)
        await walk.commit(position)
        options.onProgress?.(findings.counts.records, total)
        if (position.commit === pass.lastCommit) break walking
      }
    }
    await walk.end()
    if (!pass.isLast) return
    const { endOffset } = state.progress
    for await (const left of readPartition(log, topics.events, partition, eventsEnd, endOffset)) {
      findings.counts.uncommitted += left.length
    }
  } finally {
    await state.settled()
    await Promise.all([input.close(), features.close(), scores.close(), store.close()])
  }
}

async function rangeOf(log: EventLog, topic: string, partition: number): Promise<TopicRange> {
  const startOffset = await log.startOffset(topic, partition)
  return { topic, partition, startOffset, endOffset: await log.endOffset(topic, partition) }
}

/** Customers by a hash of their ids, so that the same sample is taken each time. */
function samplerOf(percent: number): (customer: string) => boolean {
  if (percent >= 100) return () => true
  const share = 2 ** 32 * (percent / 100)
  return (customer) => murmur2(Buffer.from(customer, 'utf8')) >>> 0 < share
}

function parsedPosition({ value }: StoredRecord): Position | null {
  try {
    return JSON.parse(value!.toString('utf8')) as Position
  } catch {
    // Bytes that make no position are what verify is there to find; the caller reports them.
    return null
  }
}

function unreadable({ offset }: StoredRecord, partition: number): Finding {
  const told = { due: 'a position', came: 'bytes that make none' }
  const nobody = { commit: 0, customer: null }
  return { kind: 'position', partition, topic: 'changelog', offset, ...nobody, ...told }
}

/** One way over a partition, which derives the commits of one generation. */
interface Pass<S> {
  readonly generation: number
  readonly by: VerifiedGeneration<S>
  /** Behind it nothing is left for this pass; null: not known. */
  readonly lastCommit: number | null
  /** Whether the last commit of the log is of this generation: this pass finds what is behind it. */
  readonly isLast: boolean
}

/** State is a function of the whole prefix, so each generation takes a pass of its own. */
async function passesOf<S>(options: VerifyOptions<S>, partition: number): Promise<Pass<S>[]> {
  const { log, topics, generation: own = 1, others } = options
  if (others === undefined) {
    return [{ generation: own, by: options, lastCommit: null, isLast: true }]
  }
  const lastCommits = new Map<number, number>()
  let last = own
  const end = await log.endOffset(topics.changelog, partition)
  for await (const portion of readPartition(log, topics.changelog, partition, end)) {
    for (const position of portion.map(parsedPosition)) {
      if (position === null) continue
      last = generationOf(position)
      lastCommits.set(last, position.commit)
    }
  }
  if (lastCommits.size === 0) lastCommits.set(own, 0)
  return [...lastCommits].map(([generation, commit]) => {
    const by = generation === own ? options : others.get(generation)
    if (by === undefined) throw unknownGeneration(generation, commit)
    const isLast = generation === last
    return { generation, by, lastCommit: isLast ? null : commit, isLast }
  })
}

function unknownGeneration(generation: number, commit: number): Error {
  const text = `commit ${commit} is of generation ${generation}, whose declaration is not known here`
  return configurationError('STATE_OF_ANOTHER_APP', text)
}

function checkApp({ appHash, commit }: Position, { app, appHash: own }: RowLayout): void {
  if (appHash === own) return
  const text = `commit ${commit} was made by the declaration ${appHash}; ${app} now has ${own}`
  throw configurationError('STATE_OF_ANOTHER_APP', text)
}

/**
 * Runs a topology of one's own in this process: an embedded log and a store a partition in a
 * folder, or both in memory. The composition root of who builds on the package.
 */
import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { configurationError } from '../errors.js'
import type { EventBody } from '../events/event.js'
import type { JsonEvent, JsonSchemas } from '../events/json-codec.js'
import { OutputRows } from '../events/output-rows.js'
import { partitionOf } from '../events/partition.js'
import { EmbeddedLog } from '../log/embedded-log.js'
import { type EventLog, topicsOf } from '../log/log.js'
import { MemoryLog } from '../log/memory-log.js'
import { readPartition } from '../replay/read-log.js'
import { type TopologyReport, verifyTopology } from '../replay/verify-topology.js'
import { LevelStoreHome } from '../state/level-store-home.js'
import { MemoryStoreHome } from '../state/memory-store.js'
import type { StoreHome } from '../state/store.js'
import { startEngine } from '../topology/engine.js'
import { topologyParts } from '../topology/topology-parts.js'
import type { CompiledTopology, Topology, WindowRow } from '../topology/topology.js'

/** A task and a store each: more is a mistake. */
const partitionsMax = 1_024

/** Events that one transaction of the log takes. */
const eventsPerTransaction = 1_000

export interface StartTopologyOptions {
  /** Where log and state live; without it in memory, and gone with the process. */
  readonly directory?: string
  /** 1 to 1,024; fixed at the log's creation. @default 1 */
  readonly partitions?: number
  /**
   * `none`: time is that of the events, and windows close by the log clock. `wall`: windows also
   * close when nothing comes, 10 s behind the wall clock. Fixed at the log's creation.
   *
   * @default none
   */
  readonly timeBase?: 'none' | 'wall'
  /** Told what a person would want to read in a log. */
  readonly note?: (text: string) => void
}

/** An event without its id is one without a name; nothing else follows from that. */
export type NewEvent<E> = E extends { readonly event_id: string }
  ? Omit<E, 'event_id'> & { readonly event_id?: string }
  : never

/** A record that was refused, or came late: as it came, and why. */
export interface SetAsideRecord {
  readonly key: string | null
  readonly value: string | null
  /** A reject's code, or `LATE`. */
  readonly code: string
  /** Of a reject its reason; of a late record the instant before which it should not have been. */
  readonly reason: string
}

export interface RunningTopology<S extends JsonSchemas, F> {
  /**
   * Puts events into the log, in this order; resolves when they are durable. Raises `EVENT_INVALID`
   * (78) where one does not fit its type; of the thousand around it none is put then.
   */
  append(events: readonly NewEvent<JsonEvent<S>>[]): Promise<void>
  /** Resolves when everything in the log has been committed, and what is due by its clock told. */
  idle(): Promise<void>
  /** All rows told so far, in the order in which they were told, partition by partition. */
  rows(): AsyncIterable<WindowRow<F>>
  rejects(): AsyncIterable<SetAsideRecord>
  late(): AsyncIterable<SetAsideRecord>
  /** Derives every row again from the log. */
  verify(): Promise<TopologyReport>
  /** Finishes what is in flight and closes log and stores. */
  stop(): Promise<void>
}

/**
 * Opens log and state, recovers, and runs the topology until `stop`.
 *
 * @throws `STATE_OF_ANOTHER_APP` (78) where the folder is of another topology or version,
 *   `TOPOLOGY_INVALID` (78) where an option cannot be one, and what log and store raise
 * @example
 * const running = await startTopology(words, { directory: 'data/words' })
 * await running.append([{ type: 'line', customer_id: 'a.txt', occurred_at: 0, text: 'so it goes' }])
 * await running.idle()
 * for await (const { key, values } of running.rows()) console.log(key, values.count)
 * await running.stop()
 */
export async function startTopology<S extends JsonSchemas, F>(
  topology: Topology<S, F>,
  options: StartTopologyOptions = {},
): Promise<RunningTopology<S, F>> {
  const { log, home } = await openPlace(topology.name, options)
  const run = { log, home, incarnation: randomUUID() }
  const note = options.note === undefined ? {} : { note: options.note }
  const parts = topologyParts(topology, { ...run, ...note })
  const engine = startEngine(parts, { app: topology.name, synthetic: false })
  const { topics } = parts
  return {
    append: (events) => append(log, topology, events as readonly (JsonEvent<S> & OwnEvent)[]),
    idle: () => engine.idle(),
    rows: () => rowsOf<F>(log, topology),
    rejects: () =>
      setAside(log, topics.rejects, ['tidemark.errors.code', '__streams.errors.message']),
    late: () => setAside(log, topics.late, [null, 'tidemark.late.bound']),
    verify: () => {
      const scratch = new MemoryStoreHome()
      return verifyTopology(topology, { log, scratch: (partition) => scratch.open(partition) })
    },
    stop: async () => {
      try {
        await engine.stop()
      } finally {
        await log.close()
      }
    },
  }
}

interface OwnEvent {
  readonly type: string
  readonly event_id: string
  readonly customer_id: string
  readonly occurred_at: number
}

async function openPlace(
  name: string,
  { directory, partitions = 1, timeBase = 'none' }: StartTopologyOptions,
): Promise<{ log: EventLog; home: StoreHome }> {
  if (!(Number.isInteger(partitions) && partitions >= 1 && partitions <= partitionsMax)) {
    throw invalid(`partitions ${partitions}: due is a whole number of 1 to ${partitionsMax}`)
  }
  if (timeBase !== 'none' && timeBase !== 'wall') {
    throw invalid(`timeBase ${String(timeBase)}: due is none or wall`)
  }
  const how = { partitions, timeBase: { kind: timeBase } }
  if (directory === undefined) return { log: new MemoryLog(how), home: new MemoryStoreHome() }
  const log = await EmbeddedLog.open(join(directory, 'log'), how)
  const own = Object.values(topicsOf(name))
  const other = log.topicsPresent().find(({ topic }) => !own.includes(topic))
  if (other === undefined) {
    return { log, home: new LevelStoreHome(join(directory, 'state'), 'state') }
  }
  await log.close()
  const text = `${directory} is not of topology ${name}: its log has the topic ${other.topic}`
  throw configurationError('STATE_OF_ANOTHER_APP', text)
}

const invalid = (text: string) => configurationError('TOPOLOGY_INVALID', text)

const untimely = ({ type, occurred_at: at }: OwnEvent) =>
  configurationError('EVENT_INVALID', `${type}: occurred_at ${String(at)}: due are whole ms UTC`)

async function append(
  log: EventLog,
  { name, codec }: CompiledTopology,
  events: readonly OwnEvent[],
): Promise<void> {
  const topic = topicsOf(name).events
  for (let from = 0; from < events.length; from += eventsPerTransaction) {
    const transaction = log.begin('append')
    try {
      for (const event of events.slice(from, from + eventsPerTransaction)) {
        if (!Number.isSafeInteger(event.occurred_at)) throw untimely(event)
        const key = Buffer.from(event.customer_id, 'utf8')
        const value = codec.encode(event.type, event as OwnEvent & EventBody)
        const record = { key, value, timestamp: event.occurred_at, headers: null }
        transaction.append(topic, partitionOf(key, log.partitions(topic)), record)
      }
    } catch (error) {
      await transaction.abort()
      throw error
    }
    await transaction.commit()
  }
}

async function* rowsOf<F>(log: EventLog, { name, layout }: CompiledTopology) {
  const output = new OutputRows(layout)
  for await (const { value } of recordsOf(log, topicsOf(name).features)) {
    if (value === null) continue
    const { retired, asOf, commit, values } = output.decodeFeatures(value)
    const { key, window_start: start, window_end: end, ...own } = values
    yield { key, start, end, isFinal: retired, asOf, commit, values: own } as WindowRow<F>
  }
}

async function* setAside(
  log: EventLog,
  topic: string,
  [codeHeader, reasonHeader]: readonly [code: string | null, reason: string],
): AsyncIterable<SetAsideRecord> {
  for await (const { key, value, headers } of recordsOf(log, topic)) {
    const text = (name: string): string =>
      headers?.findLast(([other]) => other === name)?.[1].toString('utf8') ?? ''
    yield {
      key: key?.toString('utf8') ?? null,
      value: value?.toString('utf8') ?? null,
      code: codeHeader === null ? 'LATE' : text(codeHeader),
      reason: text(reasonHeader),
    }
  }
}

async function* recordsOf(log: EventLog, topic: string) {
  for (let partition = 0; partition < log.partitions(topic); partition++) {
    const end = await log.endOffset(topic, partition)
    for await (const records of readPartition(log, topic, partition, end)) yield* records
  }
}

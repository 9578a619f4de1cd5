/** Topologies of one's own over memory adapters, with borders of batches and crashes as a seed draws them. */
import { expect } from 'vitest'
import { OutputRows } from '../../src/events/output-rows.js'
import { topicsOf } from '../../src/log/log.js'
import { MemoryLog } from '../../src/log/memory-log.js'
import { type TopologyReport, verifyTopology } from '../../src/replay/verify-topology.js'
import { MemoryStoreHome } from '../../src/state/memory-store.js'
import { startEngine } from '../../src/topology/engine.js'
import type { EngineSettings } from '../../src/topology/settings.js'
import { topologyParts } from '../../src/topology/topology-parts.js'
import type { CompiledTopology } from '../../src/topology/topology.js'
import { recordsOf } from './outputs.js'
import { type Random, seededRandom } from './random.js'
import { storedState } from './stored-state.js'

export interface OwnEvent {
  readonly type: string
  readonly customer_id: string
  readonly occurred_at: number
  readonly [field: string]: unknown
}

export interface OwnRow {
  readonly name: string
  readonly key: string
  readonly start: number
  readonly end: number | null
  readonly isFinal: boolean
  readonly commit: number
  readonly values: Readonly<Record<string, unknown>>
}

export interface OwnOutcome {
  readonly rows: readonly OwnRow[]
  /** The last row of each name: its values and whether it is final. */
  readonly last: ReadonlyMap<string, string>
  /** `offset code`, and `offset LATE`. */
  readonly setAside: readonly string[]
  readonly digest: string | undefined
  readonly report: TopologyReport
}

/** Bounds that make borders of batches, commits and flushes fall anywhere. */
export function drawnBorders(random: Random): Partial<EngineSettings> {
  const one = (...choices: number[]): number => choices[random.below(choices.length)]
  return {
    batchRecordsMax: one(1, 2, 3, 7, 64, 1024),
    commitRecordsMax: one(1, 2, 5, 20, 10_000),
    commitAgeMsMax: one(0, 100),
    timersPerCommitMax: one(1, 3, 2000),
    flushEveryMs: one(0, 100_000),
    hotBytesMax: one(0, 2000, 1e9),
    idleWaitMs: 0,
    retryAfterMs: 1,
  }
}

export const oneBorder: Partial<EngineSettings> = { idleWaitMs: 0, commitAgeMsMax: 1e9 }

/**
 * Lets a topology run over events that come in portions; some turns of the event loop behind each the
 * process may crash (null: it does not), and the next one takes over with borders of its own.
 */
export async function runOwn(
  topology: CompiledTopology,
  portions: readonly (readonly OwnEvent[])[],
  settingsOf: () => Partial<EngineSettings> = () => oneBorder,
  crashAfter: () => number | null = () => null,
): Promise<OwnOutcome> {
  let log = new MemoryLog({ timeBase: { kind: 'none' } })
  const home = new MemoryStoreHome()
  let engine = start(topology, log, home, settingsOf())
  for (const portion of portions) {
    await append(topology, log, portion)
    const crash = crashAfter()
    if (crash !== null) {
      // Somewhere between the first poll and the last commit.
      for (let turn = 0; turn < crash; turn++) await new Promise(setImmediate)
      log = log.crash()
      home.crash()
      await engine.stop().catch(() => undefined)
      engine = start(topology, log, home, settingsOf())
    }
  }
  await engine.idle()
  await engine.stop()
  return outcomeOf(topology, log, home)
}

/** A run by one batch, and one with portions, borders and crashes that the seed draws. */
export async function calmAndWild(
  topology: CompiledTopology,
  events: readonly OwnEvent[],
  seed: number,
): Promise<readonly [OwnOutcome, OwnOutcome]> {
  const random = seededRandom(seed)
  const portions: OwnEvent[][] = []
  for (let from = 0; from < events.length;) {
    const length = 1 + random.below(12)
    portions.push(events.slice(from, from + length))
    from += length
  }
  const calm = await runOwn(topology, [events])
  const wild = await runOwn(
    topology,
    portions,
    () => drawnBorders(random),
    () => (random.below(3) === 0 ? random.below(40) : null),
  )
  return [calm, wild]
}

/** The same state, last rows and rejects, and nothing that verification finds. */
export function assertAlike([calm, wild]: readonly [OwnOutcome, OwnOutcome]): void {
  expect(calm.report.findings).toEqual([])
  expect(wild.report.findings).toEqual([])
  expect(wild.setAside).toEqual(calm.setAside)
  expect(sorted(wild.last)).toEqual(sorted(calm.last))
  expect(wild.digest).toBe(calm.digest)
}

function sorted(last: ReadonlyMap<string, string>): string[] {
  return [...last].map(([name, row]) => `${name} ${row}`).sort()
}

let starts = 0

function start(
  topology: CompiledTopology,
  log: MemoryLog,
  home: MemoryStoreHome,
  settings: Partial<EngineSettings>,
) {
  const parts = topologyParts(topology, { log, home, incarnation: `p${++starts}`, settings })
  return startEngine(parts, { app: topology.name, synthetic: true })
}

async function append(
  { name, codec }: CompiledTopology,
  log: MemoryLog,
  events: readonly OwnEvent[],
): Promise<void> {
  const transaction = log.begin('input')
  for (const event of events) {
    const key = Buffer.from(event.customer_id)
    const value =
      event['erase'] === true ? null : codec.encode(event.type, { event_id: '', ...event })
    const record = { key, value, timestamp: event.occurred_at, headers: null }
    transaction.append(topicsOf(name).events, 0, record)
  }
  await transaction.commit()
}

async function outcomeOf(
  topology: CompiledTopology,
  log: MemoryLog,
  home: MemoryStoreHome,
): Promise<OwnOutcome> {
  const topics = topicsOf(topology.name)
  const output = new OutputRows(topology.layout)
  const rows: OwnRow[] = []
  const last = new Map<string, string>()
  for (const { key, value } of await recordsOf(log, topics.features, 0)) {
    const name = String(key)
    if (value === null) continue
    const { values, retired: isFinal, commit } = output.decodeFeatures(value)
    const { key: own, window_start: start, window_end: end, ...rest } = values
    rows.push({
      name,
      key: own as string,
      start: start as number,
      end: end as number | null,
      isFinal,
      commit,
      values: rest,
    })
    last.set(name, JSON.stringify({ ...values, isFinal }))
  }
  const setAside: string[] = []
  for (const { headers } of await recordsOf(log, topics.rejects, 0)) {
    setAside.push(
      `${header(headers, '__streams.errors.offset')} ${header(headers, 'tidemark.errors.code')}`,
    )
  }
  for (const { headers } of await recordsOf(log, topics.late, 0)) {
    setAside.push(`${header(headers, '__streams.errors.offset')} LATE`)
  }
  const stored = await storedState(home, 0, topology.program.codec)
  const scratch = new MemoryStoreHome()
  const report = await verifyTopology(topology, { log, scratch: (p) => scratch.open(p) })
  return { rows, last, setAside: setAside.sort(), digest: stored?.digest, report }
}

function header(headers: readonly (readonly [string, Buffer])[] | null, name: string): string {
  return String(headers?.find(([other]) => other === name)?.[1])
}

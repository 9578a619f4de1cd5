/**
 * Derives again what a topology of one's own told: each partition's input once more through the same
 * operators, closed at the same positions; the rows of each commit are then due byte for byte.
 */
import { lastValueFrom, of, type OperatorFunction, pipe } from 'rxjs'
import { OutputRows } from '../events/output-rows.js'
import { FeatureRows } from '../features/rows.js'
import { type EventLog, type StoredRecord, topicsOf } from '../log/log.js'
import { type GatherParts, readTouched, serveTimer } from '../operators/commit-rows.js'
import { commitOf } from '../events/output-head.js'
import type { Batch } from '../operators/batch.js'
import { decode, type RecordBatch } from '../operators/decode.js'
import type { Position } from '../operators/position.js'
import { Progress } from '../operators/progress.js'
import { updateState } from '../operators/update-state.js'
import type { KeyState } from '../operators/windows/key-state.js'
import { Overlay } from '../state/overlay.js'
import type { Store } from '../state/store.js'
import { servedUntil, Timers } from '../state/timers.js'
import { Flusher } from '../topology/flusher.js'
import { defaultSettings } from '../topology/settings.js'
import type { CompiledTopology } from '../topology/topology.js'
import { originOf } from './origin.js'
import { readPartition } from './read-log.js'
import { RecordCursor } from './record-cursor.js'

export interface TopologyReport {
  /** Nothing differs, nothing is missing, and nothing is there that is not due. */
  readonly ok: boolean
  readonly records: number
  readonly commits: number
  readonly rows: number
  readonly mismatches: number
  readonly missing: number
  readonly strays: number
  /** The first twenty, each a sentence. */
  readonly findings: readonly string[]
}

export interface VerifyTopologyOptions {
  readonly log: EventLog
  /** An empty store of a partition, for what does not fit memory; it is closed. */
  readonly scratch: (partition: number) => Promise<Store>
}

const findingsMax = 20
const recordsPerBatch = 1024

/**
 * Verifies all partitions of a topology.
 *
 * @throws `HISTORY_LOST` (exit 78) where input has been deleted, and what log and store raise
 * @example const { ok } = await verifyTopology(words, { log, scratch: (p) => home.open(p) })
 */
export async function verifyTopology(
  topology: CompiledTopology,
  options: VerifyTopologyOptions,
): Promise<TopologyReport> {
  const found = { records: 0, commits: 0, rows: 0, mismatches: 0, missing: 0, strays: 0 }
  const findings: string[] = []
  const { log } = options
  for (let p = 0; p < log.partitions(topicsOf(topology.name).events); p++) {
    const store = await options.scratch(p)
    try {
      await new Walk(topology, log, p, store, found, findings).run()
    } finally {
      await store.close()
    }
  }
  const { mismatches, missing, strays } = found
  return { ...found, ok: mismatches + missing + strays === 0, findings }
}

type Found = Omit<{ -readonly [N in keyof TopologyReport]: number }, 'ok' | 'findings'>

type Update = OperatorFunction<RecordBatch, Batch<KeyState>>

/** The rows of a partition, commit by commit; tombstones are left out. */
class ToldRows {
  private readonly records: AsyncGenerator<readonly StoredRecord[], void, undefined>
  private ahead: StoredRecord[] = []

  constructor(log: EventLog, topic: string, partition: number, end: number) {
    this.records = readPartition(log, topic, partition, end)
  }

  /** What stands before the first row of a later commit. */
  async upTo(commit: number): Promise<StoredRecord[]> {
    const taken: StoredRecord[] = []
    for (;;) {
      const next = this.ahead.findIndex(({ value }) => (commitOf(value!) ?? 0) > commit)
      if (next >= 0) return [...taken, ...this.ahead.splice(0, next)]
      taken.push(...this.ahead)
      const portion = await this.records.next()
      if (portion.done === true) {
        this.ahead = []
        return taken
      }
      this.ahead = portion.value.filter(({ value }) => value !== null)
    }
  }

  async close(): Promise<void> {
    await this.records.return()
  }
}

class Walk {
  private readonly touched = new Set<string>()
  private readonly topics

  constructor(
    private readonly topology: CompiledTopology,
    private readonly log: EventLog,
    private readonly partition: number,
    private readonly store: Store,
    private readonly found: Found,
    private readonly findings: string[],
  ) {
    this.topics = topicsOf(topology.name)
  }

  async run(): Promise<void> {
    const { log, partition, topics, topology } = this
    const origin = await originOf(log, topics, partition)
    const input = new RecordCursor(log, topics.events, partition, origin)
    const settings = { ...defaultSettings, flushEveryMs: Infinity }
    const progress = new Progress(null, origin)
    const overlay = new Overlay(this.store, topology.program.codec, settings)
    const state = { program: topology.program, overlay, timers: new Timers(), progress }
    const update = this.updateOf(state)
    const flusher = new Flusher(overlay, settings, null)
    const end = await log.endOffset(topics.changelog, partition)
    const told = new ToldRows(log, topics.features, partition, await this.featuresEnd())
    try {
      for await (const records of readPartition(log, topics.changelog, partition, end)) {
        for (const { value } of records) {
          const position = JSON.parse(value!.toString('utf8')) as Position
          await this.follow(position, input, state, update)
          await this.compare(position, state, await told.upTo(position.commit))
          flusher.closed(position)
          flusher.delivered(position)
        }
      }
    } finally {
      await flusher.settled()
      await input.close()
      await told.close()
    }
  }

  private featuresEnd(): Promise<number> {
    return this.log.endOffset(this.topics.features, this.partition)
  }

  private updateOf(state: GatherParts<KeyState>): Update {
    const { program, flow, codec } = this.topology
    const { partition, topics, log } = this
    const place = { partition, partitions: log.partitions(topics.events), timersMax: 0 }
    const rules = { check: () => null }
    return pipe(decode<KeyState>(codec), updateState(state, { program, flow, rules, ...place }))
  }

  private async follow(
    position: Position,
    input: RecordCursor,
    state: GatherParts<KeyState>,
    update: Update,
  ): Promise<void> {
    for (;;) {
      const records = await input.take(position.endOffset, recordsPerBatch)
      if (records.length === 0) return
      this.found.records += records.length
      const endOffset = records[records.length - 1].offset + 1
      const batch = { records, bytes: 0, endOffset, tick: null, atEnd: false }
      const { items } = await lastValueFrom(of(batch).pipe(update))
      for (const { outcome, customer } of items) {
        if (outcome === 'accepted') this.touched.add(customer)
        else if (outcome === 'erasure') {
          this.touched.delete(customer)
          state.timers.arm(customer, Infinity)
        }
      }
    }
  }

  private async compare(
    position: Position,
    state: GatherParts<KeyState>,
    records: readonly StoredRecord[],
  ): Promise<void> {
    const { progress, program } = state
    this.found.commits++
    const told = this.byName(position, records)
    const { commit, logClock, endOffset } = position
    if (logClock !== progress.logClock || endOffset !== progress.endOffset) {
      this.find('mismatches', `commit ${commit}: log clock ${logClock} at ${endOffset}`)
    }
    progress.asOf = position.asOf
    const rows = await this.due(position, state)
    const output = new OutputRows(this.topology.layout)
    output.begin({ ...position, topic: this.topics.events, partition: this.partition }, null)
    for (let row = 0; row < rows.length; row++) {
      const name = rows.customers[row]
      const record = told.get(name)
      told.delete(name)
      this.found.rows++
      if (record === undefined) this.find('missing', `commit ${commit}: row ${name} is missing`)
      else if (!output.features(rows, row).equals(record.value!)) {
        this.find('mismatches', `commit ${commit}: row ${name} differs`)
      }
    }
    for (const [name, record] of told) {
      // Timers that a restart armed anew may tell a sliding window once more than was due.
      const again = new FeatureRows(program.columns, 1)
      const entry = state.overlay.look(name)
      if (entry !== null) program.windows!.closed(name, entry, Number.NaN, position.asOf, again)
      const isSame = again.length === 1 && output.features(again, 0).equals(record.value!)
      if (!isSame) this.find('strays', `commit ${commit}: row ${name} is not due`)
    }
    progress.cursor = position.timers
  }

  /** Of two rows of one name the second is a stray, and so is one of another commit. */
  private byName(
    { commit }: Position,
    records: readonly StoredRecord[],
  ): Map<string, StoredRecord> {
    const told = new Map<string, StoredRecord>()
    for (const record of records) {
      const name = record.key!.toString('utf8')
      const isOwn = commitOf(record.value!) === commit && !told.has(name)
      if (isOwn) told.set(name, record)
      else this.find('strays', `commit ${commit}: row ${name} is twice, or of another commit`)
    }
    return told
  }

  private async due(position: Position, state: GatherParts<KeyState>): Promise<FeatureRows> {
    const { overlay, timers, program } = state
    const rows = new FeatureRows(program.columns)
    await this.load([...this.touched], overlay)
    for (const key of this.touched) {
      readTouched(key, overlay.look(key)!, position.asOf, rows, state)
    }
    this.touched.clear()
    for (
      let timer = timers.take(position.asOf);
      timer !== null;
      timer = timers.take(position.asOf)
    ) {
      if (timer.due > servedUntil(position.timers, timer.customer)) {
        timers.putBack(timer)
        break
      }
      await this.load([timer.customer], overlay)
      serveTimer(timer, overlay.look(timer.customer)!, rows, state)
    }
    return rows
  }

  private async load(keys: readonly string[], overlay: Overlay<KeyState>): Promise<void> {
    const missing = keys.filter((key) => overlay.entry(key) === null)
    if (missing.length > 0) await overlay.fetch(missing, 'event')
  }

  private find(kind: 'mismatches' | 'missing' | 'strays', text: string): void {
    this.found[kind]++
    if (this.findings.length < findingsMax) {
      this.findings.push(`partition ${this.partition}, ${text}`)
    }
  }
}

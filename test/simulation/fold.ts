/**
 * The oracle: the input folded record by record, with no batch, no overlay and no timer index, held
 * against every row that the engine put out and everything that it keeps.
 */
import { OutputRows } from '../../src/events/output-rows.js'
import { FeatureRows } from '../../src/features/rows.js'
import type { EventLog, StoredRecord } from '../../src/log/log.js'
import { Item } from '../../src/operators/batch.js'
import { decodeItem } from '../../src/operators/decode.js'
import { scoreFields } from '../../src/operators/deliver.js'
import type { Position } from '../../src/operators/position.js'
import { Progress } from '../../src/operators/progress.js'
import { moveLogTime, validateItem } from '../../src/operators/validate.js'
import type { TimerCursor } from '../../src/state/timers.js'
import { Digest, sealOf } from '../../src/state/checksum.js'
import { stateKey } from '../../src/state/state-key.js'
import { hashScoring } from '../support/kill/scoring.js'
import { type EmittedPair, type Outputs, readOutputs, recordsOf } from '../support/outputs.js'
import type { SimApp } from './sim-app.js'

/** What a store held when a process was dead: exactly the input below an offset, or it is wrong. */
export interface Mark {
  readonly endOffset: number
  readonly digest: string
  readonly customers: number
}

/** What one partition must have come to. */
export interface Folded {
  readonly outputs: Outputs
  readonly digest: string
  readonly customers: number
  readonly faults: readonly string[]
  /** Rows by time of customers for whom nothing was due: only a restart may cause one. */
  readonly redundant: number
}

export async function foldPartition<S>(
  log: EventLog,
  app: SimApp<S>,
  partition: number,
  marks: readonly Mark[],
): Promise<Folded> {
  const outputs = await readOutputs(log, app.topics, partition, app.layout)
  const records = await recordsOf(log, app.topics.events, partition)
  const fold = new Fold(app, log.partitions(app.topics.events), partition)
  let offset = 0
  let at = 0
  for (const position of outputs.positions) {
    for (; offset < position.endOffset; offset++) {
      fold.check(marks)
      fold.take(records[offset])
    }
    fold.check(marks)
    const pairs: EmittedPair[] = []
    while (outputs.pairs[at]?.commit === position.commit) pairs.push(outputs.pairs[at++])
    await fold.commit(position, pairs)
  }
  const last = outputs.positions.at(-1)
  if (offset !== records.length)
    fold.fault(`only ${offset} of ${records.length} records are committed`)
  if (last !== undefined && (last.timers.instant !== last.asOf || last.timers.customer !== null)) {
    fold.fault(`timers are served up to ${JSON.stringify(last.timers)}, asOf is ${last.asOf}`)
  }
  const faults = [
    ...outputs.faults,
    ...fold.faults.map((text) => `partition ${partition}: ${text}`),
  ]
  return { outputs, ...fold.digest(), faults, redundant: fold.redundant }
}

class Fold<S> {
  readonly faults: string[] = []
  redundant = 0
  private readonly states = new Map<string, S>()
  private readonly progress = new Progress(null, 0)
  private readonly rows: OutputRows
  /** When each customer's last row ceases to hold. */
  private readonly due = new Map<string, number>()
  private readonly sum = new Digest()
  private readonly seals = new Map<string, Map<number, bigint>>()
  /** Customers whose cells have to be looked at for the digest. */
  private readonly changed = new Set<string>()
  private touched = new Set<string>()
  private erased = new Set<string>()

  constructor(
    private readonly app: SimApp<S>,
    private readonly partitions: number,
    private readonly partition: number,
  ) {
    this.rows = new OutputRows(app.layout)
  }

  fault(text: string): void {
    if (this.faults.length < 10) this.faults.push(text)
  }

  take(record: StoredRecord): void {
    const { app, progress } = this
    const { program, codec, rules } = app
    const item = new Item<S>(record)
    decodeItem(item, codec)
    const { customer } = item
    const state = this.states.get(customer) ?? program.codec.create()
    moveLogTime(item, progress)
    const options = { rules, partition: this.partition, partitions: this.partitions }
    validateItem(item, progress, options, program.acceptedTypes(state))
    progress.endOffset = record.offset + 1
    if (item.reject !== null) return progress.countReject(item.reject)
    this.changed.add(customer)
    if (item.outcome === 'erasure') {
      progress.counts.erasures++
      for (const seal of this.seals.get(customer)?.values() ?? []) this.sum.remove(seal)
      this.seals.delete(customer)
      this.states.delete(customer)
      this.touched.delete(customer)
      this.erased.add(customer)
      return
    }
    this.states.set(customer, state)
    const verdict = program.judge(progress.logClock, state, item.type, item.body!)
    if (verdict === 'late') progress.counts.late++
    else if (verdict === 'duplicate') progress.counts.duplicates++
    else {
      progress.counts.accepted++
      program.update(state, item.type, item.body!, record.offset, progress.logClock)
      this.touched.add(customer)
      this.erased.delete(customer)
    }
  }

  /** Checks what a commit says and emits. */
  async commit(position: Position, pairs: readonly EmittedPair[]): Promise<void> {
    const { progress } = this
    const { commit, asOf } = position
    for (const name of ['logClock', 'logTime'] as const) {
      if (position[name] !== progress[name]) {
        this.fault(`commit ${commit}: ${name} is ${position[name]}, due is ${progress[name]}`)
      }
    }
    const counts = sorted(progress.countsNow())
    if (sorted(position.counts) !== counts) {
      this.fault(`commit ${commit}: counts ${sorted(position.counts)}, due are ${counts}`)
    }
    for (const pair of pairs) await this.compare(pair, position)
    for (const customer of this.touched) this.fault(`commit ${commit} has no row of ${customer}`)
    for (const customer of this.erased) this.fault(`commit ${commit} does not erase ${customer}`)
    for (const [customer, due] of this.due) {
      if (!isServed(due, customer, position.timers)) continue
      this.fault(`commit ${commit} at ${asOf}: no row of ${customer}, whose last held until ${due}`)
    }
    this.touched = new Set()
    this.erased = new Set()
  }

  private async compare(pair: EmittedPair, position: Position): Promise<void> {
    const { customer, commit, features } = pair
    if (features === null) {
      if (!this.erased.delete(customer)) this.fault(`commit ${commit} erases ${customer}`)
      this.due.delete(customer)
      return
    }
    const cause = this.touched.delete(customer) ? 'event' : 'time'
    const wasDue = (this.due.get(customer) ?? Infinity) <= position.asOf
    if (cause === 'time' && !wasDue) this.redundant++
    const state = this.states.get(customer)
    if (state === undefined) return this.fault(`commit ${commit} has a row of unknown ${customer}`)
    const rows = new FeatureRows(this.app.program.columns, 1)
    const row = rows.add(customer, cause)
    this.app.program.read(state, position.asOf, rows, row)
    this.due.set(customer, rows.retired[row] ? Infinity : rows.validUntil[row])
    const { topics } = this.app
    const { partition } = this
    this.rows.begin({ ...position, topic: topics.events, partition }, position.model)
    const expected = this.rows.features(rows, row)
    if (!expected.equals(pair.bytes.features!)) {
      const due = JSON.stringify(this.rows.decodeFeatures(expected))
      this.fault(`commit ${commit}: row ${JSON.stringify(features)} instead of ${due}`)
    }
    const score = this.rows.score(rows, row, scoreFields(await hashScoring.score(rows), 0))
    if (!score.equals(pair.bytes.score ?? Buffer.alloc(0))) {
      this.fault(`commit ${commit}: another score of ${customer}`)
    }
  }

  /** Holds what stores were found to hold at this very offset against what is due. */
  check(marks: readonly Mark[]): void {
    const at = this.progress.endOffset
    for (const mark of marks) {
      if (mark.endOffset !== at) continue
      const { digest, customers } = this.digest()
      if (mark.digest === digest && mark.customers === customers) continue
      const came = `${mark.digest} of ${mark.customers}`
      this.fault(`a store at ${at} had digest ${came}, due is ${digest} of ${customers}`)
    }
  }

  /** The digest that a store of these states has. */
  digest(): { digest: string; customers: number } {
    for (const customer of this.changed) {
      const state = this.states.get(customer)
      if (state !== undefined) this.seal(customer, state)
    }
    this.changed.clear()
    return { digest: this.sum.toString(), customers: this.seals.size }
  }

  private seal(customer: string, state: S): void {
    const seals = this.seals.get(customer) ?? new Map<number, bigint>()
    this.app.program.codec.encode(state, (cell, value) => {
      const before = seals.get(cell)
      if (before !== undefined) this.sum.remove(before)
      seals.delete(cell)
      if (value === null) return
      const seal = sealOf(stateKey(Buffer.from(customer), cell), value)
      this.sum.add(seal)
      seals.set(cell, seal)
    })
    if (seals.size > 0) this.seals.set(customer, seals)
    else this.seals.delete(customer)
  }
}

function isServed(due: number, customer: string, cursor: TimerCursor): boolean {
  if (due !== cursor.instant) return due < cursor.instant
  return cursor.customer === null || customer <= cursor.customer
}

function sorted(value: object): string {
  return JSON.stringify(value, (_, member: unknown) =>
    typeof member === 'object' && member !== null
      ? Object.fromEntries(Object.entries(member).sort(([a], [b]) => (a < b ? -1 : 1)))
      : member,
  )
}

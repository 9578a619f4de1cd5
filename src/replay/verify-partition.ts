/**
 * Verifies one partition: one pass over its input and its outputs side by side.
 *
 * Owns walking from commit to commit and what is due at each. Does not own the decisions (the
 * operators', `derived-state.ts`), nor how a row is compared (`rederive.ts`).
 *
 * V1 At each commit the state holds exactly the input below its end offset, as the live one did.
 * V2 Every row that is due is looked for where it is due: an accepted event in the commit that
 *    covers its offset, a change by time in the first commit whose cursor has passed it.
 * V3 Commits of another generation move the state and owe nothing here; after them every customer
 *    seen so far owes a row.
 * V4 Clocks see every record; only rows of sampled customers are compared.
 */
import { FeatureRows } from '../features/rows.js'
import type { Position } from '../operators/position.js'
import { type Timer, type TimerCursor, Timers } from '../state/timers.js'
import type { CommitRows, TopicRows } from './commit-rows.js'
import type { DerivedState, Due } from './derived-state.js'
import type { Emitted } from './emitted.js'
import type { FindingKind, Findings } from './findings.js'
import type { RecordCursor } from './record-cursor.js'
import type { Rederiver } from './rederive.js'
import { spanOf } from '../topology/take-over.js'
import type { VerifyOptions } from './verify-options.js'

const recordsPerBatch = 1024

export interface PartitionParts<S> {
  readonly options: VerifyOptions<S>
  readonly partition: number
  /** The generation whose commits are derived. */
  readonly generation: number
  /** Whether what stands behind the last commit is this walk's to find. */
  readonly isLast: boolean
  readonly input: RecordCursor
  readonly state: DerivedState<S>
  readonly emitted: CommitRows
  readonly rederiver: Rederiver
  readonly findings: Findings
  /** The offset of each customer's newest erasure. */
  readonly erasures: ReadonlyMap<string, number>
  readonly isSampled: (customer: string) => boolean
}

export class PartitionWalk<S> {
  /** When each customer's last row ceases to hold. */
  private readonly timers = new Timers()
  private last: Position | null = null
  /** Customers seen and not erased, where other generations may come between; else null. */
  private readonly seen: Set<string> | null

  constructor(private readonly parts: PartitionParts<S>) {
    this.seen = parts.options.others === undefined ? null : new Set()
  }

  async commit(position: Position): Promise<void> {
    const { state, emitted, rederiver, findings } = this.parts
    const due: Due = { touched: new Set(), erased: new Set() }
    const records = await this.follow(position, due)
    findings.counts.records += records
    this.checkPosition(position)
    this.checkGeneration(position)
    await emitted.features.next(position.commit)
    await emitted.scores.next(position.commit)
    await this.compare(position, due)
    this.compareTombstones(position, due)
    await this.checkTimers(position)
    this.tellAstray(position.commit)
    findings.counts.commits++
    this.last = position
    state.committed(position)
    if (rederiver.isFull) await rederiver.flush()
  }

  /** Goes past a commit of another generation. */
  async pass(position: Position): Promise<void> {
    const { state, emitted } = this.parts
    const due: Due = { touched: new Set(), erased: new Set() }
    await this.follow(position, due)
    for (const customer of due.erased) this.timers.arm(customer, Infinity)
    await emitted.features.next(position.commit)
    await emitted.scores.next(position.commit)
    this.last = position
    state.committed(position)
  }

  /** Behind the last commit: what belongs to none. */
  async end(): Promise<void> {
    const { rederiver, emitted, state, isLast } = this.parts
    await rederiver.flush()
    if (!isLast) return state.settled()
    const last = this.last?.commit ?? 0
    for (const topic of [emitted.features, emitted.scores]) {
      for (const left of await topic.rest()) {
        // A commit that came while verifying is not looked at.
        if (left.commit === null || left.commit <= last) this.stray(left, topic, last)
      }
    }
    await state.settled()
  }

  /** Answers how many records that took. */
  private async follow(position: Position, due: Due): Promise<number> {
    const { input, state } = this.parts
    let count = 0
    for (;;) {
      const records = await input.take(position.endOffset, recordsPerBatch)
      if (records.length === 0) break
      count += records.length
      await state.follow(records, due)
    }
    for (const customer of due.touched) this.seen?.add(customer)
    for (const customer of due.erased) this.seen?.delete(customer)
    return count
  }

  private checkPosition(position: Position): void {
    const { progress } = this.parts.state
    const before = this.last?.commit ?? 0
    if (position.commit !== before + 1) {
      this.wrong(position, `commit number ${before + 1}`, `${position.commit}`)
    }
    const { endOffset, logClock, logTime } = progress
    const counts = progress.countsNow()
    const derived = { endOffset, logClock, logTime, ...counts }
    const told = { ...derived, ...pick(position, derived), ...position.counts }
    if (!isSame(derived, told)) this.wrong(position, JSON.stringify(derived), JSON.stringify(told))
    const asOfMin = Math.max(position.logClock, this.last?.asOf ?? 0)
    if (position.asOf < asOfMin) {
      this.wrong(position, `asOf ${asOfMin} or later`, `${position.asOf}`)
    }
  }

  /** Where the generation takes over, everybody's row is due at the instant of the commit before. */
  private checkGeneration(position: Position): void {
    const { generation: number } = this.parts
    const span = spanOf({ number, appHashes: new Map() }, this.last)
    const { generation = null } = position
    if (!isSame({ generation: span }, { generation })) {
      this.wrong(position, JSON.stringify(span), JSON.stringify(generation))
    }
    if (span === null || span.sinceCommit !== position.commit) return
    for (const customer of this.seen ?? []) this.timers.arm(customer, span.sinceAsOf)
  }

  private async compare(position: Position, { touched }: Due): Promise<void> {
    const { emitted, state, findings, isSampled } = this.parts
    const { features, scores } = emitted
    const customers = new Set([...touched, ...features.rows.keys(), ...scores.rows.keys()])
    const compared: string[] = []
    for (const customer of customers) {
      if (!isSampled(customer)) findings.counts.unsampled++
      else if (this.isErased(customer, position)) findings.counts.erased++
      else compared.push(customer)
    }
    await state.load(compared)
    for (const customer of compared) {
      this.row(position, customer, touched.has(customer) ? 'event' : 'time')
    }
    for (const topic of [features, scores]) {
      for (const double of topic.doubles) {
        this.found('double', position.commit, topic, double, 'one row a customer and commit', 'two')
      }
    }
  }

  /** Compares one customer's row and score, and notes until when they hold. */
  private row(position: Position, customer: string, why: 'event' | 'time'): void {
    const { emitted, state, rederiver, options } = this.parts
    const features = emitted.features.find(customer)
    const score = emitted.scores.find(customer)
    const read = (rows: FeatureRows, row: number): void => {
      options.program.read(state.of(customer), position.asOf, rows, row)
      // Retiring is the last change that time alone makes.
      this.timers.arm(customer, rows.retired[row] ? Infinity : rows.validUntil[row])
    }
    const because = why === 'event' ? 'for an accepted event' : 'for a change by time'
    if (features === null) this.missing(position, customer, 'features', `a row ${because}`)
    if (score === null) this.missing(position, customer, 'scores', `a score ${because}`)
    if (features !== null || score !== null) {
      rederiver.add(position, why, { customer, features, score }, read)
      return
    }
    const rows = new FeatureRows(options.program.columns, 1)
    read(rows, rows.add(customer, why))
  }

  private compareTombstones(position: Position, { erased }: Due): void {
    const { emitted, isSampled } = this.parts
    for (const customer of erased) {
      this.timers.arm(customer, Infinity)
      for (const [name, topic] of Object.entries(emitted) as [keyof CommitRows, Topic][]) {
        if (topic.tombstones.delete(customer)) continue
        this.missing(position, customer, name, 'a tombstone for an erasure')
      }
    }
    for (const topic of [emitted.features, emitted.scores]) {
      for (const [customer, tombstone] of topic.tombstones) {
        if (isSampled(customer)) this.stray(tombstone, topic, position.commit)
      }
    }
  }

  /** Whoever's row ceased to hold below the cursor must have another one by now (V2). */
  private async checkTimers(position: Position): Promise<void> {
    const overdue: Timer[] = []
    for (;;) {
      const timer = this.timers.take(position.timers.instant)
      if (timer === null) break
      if (!isServed(timer, position.timers)) {
        this.timers.putBack(timer)
        break
      }
      overdue.push(timer)
    }
    const due = overdue.filter(({ customer }) => !this.isErased(customer, position))
    await this.parts.state.load(due.map(({ customer }) => customer))
    for (const { customer } of due) this.row(position, customer, 'time')
  }

  private tellAstray(commit: number): void {
    for (const topic of [this.parts.emitted.features, this.parts.emitted.scores]) {
      for (const stray of topic.strays.splice(0)) this.stray(stray, topic, commit)
    }
  }

  private isErased(customer: string, position: Position): boolean {
    const offset = this.parts.erasures.get(customer)
    return offset !== undefined && offset >= position.endOffset
  }

  private stray(emitted: Emitted<unknown>, topic: Topic, commit: number): void {
    const came = emitted.commit === null ? 'bytes that make none' : `commit ${emitted.commit}`
    this.found('stray', commit, topic, emitted, 'a row of the commit where it stands', came)
  }

  private found(
    kind: FindingKind,
    commit: number,
    { name: topic }: Topic,
    { customer, record: { offset } }: Emitted<unknown>,
    due: string,
    came: string,
  ): void {
    const { findings, partition } = this.parts
    findings.add({ kind, partition, commit, customer, topic, offset, due, came })
  }

  private missing(
    { commit }: Position,
    customer: string,
    name: keyof CommitRows,
    due: string,
  ): void {
    const { findings, partition, options } = this.parts
    const topic = options.topics[name]
    const came = 'nothing'
    findings.add({ kind: 'missing', partition, commit, customer, topic, offset: null, due, came })
  }

  private wrong({ commit }: Position, due: string, came: string): void {
    const { findings, partition, options } = this.parts
    const topic = options.topics.changelog
    const nobody = { customer: null, offset: null }
    findings.add({ kind: 'position', partition, commit, topic, ...nobody, due, came })
  }
}

type Topic = TopicRows<unknown>

function isServed({ due, customer }: Timer, cursor: TimerCursor): boolean {
  if (due < cursor.instant) return true
  return cursor.customer === null || customer <= cursor.customer
}

function pick(position: Position, like: object): Partial<Position> {
  const names = Object.keys(position).filter((name) => name in like) as (keyof Position)[]
  return Object.fromEntries(names.map((name) => [name, position[name]]))
}

/** Members may stand in another order: counts are in that of their first reject. */
function isSame(left: object, right: object): boolean {
  const sorted = (value: unknown): unknown =>
    typeof value === 'object' && value !== null
      ? Object.entries(value)
          .sort(([a], [b]) => (a < b ? -1 : 1))
          .map(([name, member]) => [name, sorted(member)])
      : value
  return JSON.stringify(sorted(left)) === JSON.stringify(sorted(right))
}

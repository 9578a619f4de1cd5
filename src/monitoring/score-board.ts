/**
 * What the page shows of the scores: the last changes, how the current scores are distributed, now and
 * over time; and the last records that were refused.
 *
 * Owns nothing that counts: it is filled from the snapshots at every start and only ever looked at.
 *
 * B1 Memory is bounded: scores of the `customersMax` customers scored last, and `changesMax`
 *    changes of each cause. A busy cause can't push the other one's changes out.
 * B2 `add` costs a look into a map a row, makes nothing and does no I/O. The previous score is
 *    therefore one that this process has seen or remembered: a customer beyond `customersMax` has none.
 */
import type { BoardRow, ScoreChange } from './board-row.js'
import { causes, risks, type Risk } from '../events/output-schemas.js'
import type { Cause } from '../features/rows.js'
import { riskLevelOf } from '../scoring/risk.js'
import { RecentSlots } from '../recent-slots.js'
import { LastChanges } from './last-changes.js'
import { RefusedRecords } from './refused-records.js'
import { RiskHistory } from './risk-history.js'

export interface ScoreBoardOptions {
  readonly customersMax?: number
  readonly changesMax?: number
}

/** The page shows tenths of a percent: what moves by less is no change that anybody could see. */
const CHANGE_MIN = 0.0005
const BINS = 20

export class ScoreBoard {
  readonly #customers: RecentSlots<string>
  /** By the customers' slots; NaN: nobody's. */
  readonly #scores: Float64Array
  readonly #bins = Array.from({ length: BINS }, () => 0)
  readonly #changes: Readonly<Record<Cause, LastChanges>>
  readonly #counts: Record<Cause, Record<Risk, number>>
  #sequence = 0
  readonly #levels = { high: 0, medium: 0, low: 0 }
  /** The distribution over time. */
  readonly history = new RiskHistory()
  readonly refused = new RefusedRecords()

  constructor(options: ScoreBoardOptions = {}) {
    this.#customers = new RecentSlots(options.customersMax ?? 100_000)
    this.#scores = new Float64Array(this.#customers.max).fill(NaN)
    const last = (cause: Cause) => new LastChanges(cause, options.changesMax ?? 100)
    this.#changes = { event: last('event'), time: last('time'), rescore: last('rescore') }
    const none = () => ({ high: 0, medium: 0, low: 0, unknown: 0 })
    this.#counts = { event: none(), time: none(), rescore: none() }
  }

  /** Takes the scores of one commit, after it is durable. */
  observe(rows: Iterable<BoardRow>): void {
    for (const row of rows) this.add(row)
  }

  /** Takes one of them; the row stays the caller's. */
  add(row: BoardRow): void {
    const { cause, probability } = row
    this.#counts[cause][row.risk] += 1
    if (Number.isNaN(probability)) return
    const previous = this.#replace(row.customer, probability)
    // Of whom no score was known (NaN) the first is a change.
    if (Math.abs(previous - probability) < CHANGE_MIN) return
    this.#changes[cause].add(row, ++this.#sequence, previous)
  }

  /** Time has come to `asOf` with all that was observed; keeps the distribution of now and then. */
  sample(asOf: number): void {
    if (this.#customers.size === 0 || !this.history.isDue(asOf)) return
    this.history.add({ asOf, ...this.#levels })
  }

  /** Whether it has as many scores as it keeps. */
  get isFull(): boolean {
    return this.#customers.size >= this.#customers.max
  }

  /** A score of before this process: no change and no count, and older than what was observed. */
  remember(customer: string, probability: number): void {
    if (this.isFull || this.#customers.find(customer) >= 0) return
    this.#replace(customer, probability)
  }

  /** An erased customer leaves no trace on the page. */
  forget(customer: string): void {
    const slot = this.#customers.delete(customer)
    if (slot >= 0) {
      this.#count(this.#scores[slot], -1)
      this.#scores[slot] = NaN
    }
    this.refused.forget(customer)
    for (const cause of causes) this.#changes[cause].forget(customer)
  }

  /** The sequence of the newest change; 0 before the first. */
  get sequence(): number {
    return this.#sequence
  }

  /**
   * Changes after `sequence`, at most `limit` of each cause (the largest moves win), oldest first.
   * Of a customer's several changes of one cause only the newest is given.
   */
  changesAfter(sequence: number, limit: number): ScoreChange[] {
    const chosen: ScoreChange[] = []
    for (const cause of causes) {
      const newest = new Map<string, ScoreChange>()
      for (const change of this.#changes[cause].after(sequence)) newest.set(change.customer, change)
      chosen.push(...[...newest.values()].sort((a, b) => moveOf(b) - moveOf(a)).slice(0, limit))
    }
    return chosen.sort((a, b) => a.sequence - b.sequence)
  }

  /** How many of the customers scored last stand in each twentieth of [0, 1]. */
  histogram(): number[] {
    return [...this.#bins]
  }

  /** Scores seen since the start, by cause and risk. */
  counts(): { cause: Cause; risk: Risk; count: number }[] {
    return causes.flatMap((cause) =>
      risks.map((risk) => ({ cause, risk, count: this.#counts[cause][risk] })),
    )
  }

  /** Answers the score before; NaN where none is known. */
  #replace(customer: string, score: number): number {
    const known = this.#customers.find(customer)
    const slot = known < 0 ? this.#customers.take(customer) : known
    // His, or of the customer who is forgotten for him.
    const before = this.#scores[slot]
    if (!Number.isNaN(before)) this.#count(before, -1)
    this.#count(score, 1)
    this.#scores[slot] = score
    if (known < 0) return NaN
    this.#customers.use(slot)
    return before
  }

  #count(score: number, by: 1 | -1): void {
    this.#bins[binOf(score)] += by
    this.#levels[riskLevelOf(score) ?? 'low'] += by
  }
}

function binOf(score: number): number {
  return Math.min(BINS - 1, Math.max(0, Math.floor(score * BINS)))
}

/** A first score is the smallest of moves: nobody saw where it came from. */
function moveOf(change: ScoreChange): number {
  return change.previous === null ? 0 : Math.abs(change.probability - change.previous)
}

/**
 * Whose risk is highest, and whose moved most, in one partition: by risk level, the newest rows.
 *
 * Owns the rankings. Does not own where rows come from (`top-keeper.ts`).
 *
 * A move counts from the start of yesterday, UTC in event time: a list of today alone would be empty
 * every midnight. R1: moves since the start of today are ranked beside them, and become the list
 * when the day turns; nothing has to be computed again then.
 */
import type { RowHead } from '../events/output-changes.js'
import type { RiskLevel } from '../scoring/risk.js'
import { type DayScores, dayOf, scoreBefore, startOfDay } from './day-scores.js'
import { type Ranked, TopList } from './top-list.js'

/** Entries of each list that is answered. */
export const topMax = 50

/** The page shows tenths of a percent: what moves by less has not moved. */
const MOVE_MIN = 0.0005

/** A customer's newest row. */
export interface NewestRow {
  readonly customer: string
  readonly partition: number
  /** The commit that wrote it. */
  readonly version: number
  /** null: erased. */
  readonly head: RowHead | null
}

/** All that rankings ask of him. */
export interface TopRow extends NewestRow {
  readonly days: DayScores
}

export interface TopEntry {
  readonly customer: string
  readonly partition: number
  readonly commit: number
  /** ms UTC. */
  readonly asOf: number
  readonly probability: number
  readonly risk: RiskLevel
  /** Since `PartitionTop.since`; null: he had no score then. */
  readonly movedBy: number | null
}

/** The lists of a partition, the highest first. */
export interface PartitionTop {
  readonly partition: number
  /** false: somebody may be missing, for not all customers have been looked at yet. */
  readonly complete: boolean
  /** ms UTC: from here on moves count; null before the first row. */
  readonly since: number | null
  readonly risk: Readonly<Record<RiskLevel, readonly TopEntry[]>>
  readonly change: Readonly<Record<RiskLevel, readonly TopEntry[]>>
}

interface Place extends Ranked {
  readonly row: TopRow
}

type ByLevel = Record<RiskLevel, TopList<Place>>

export const riskLevels = ['high', 'medium', 'low'] as const satisfies readonly RiskLevel[]

export class TopLists {
  #risk = byLevel()
  /** Since the start of yesterday, and of today. */
  #moved = byLevel()
  #movedToday = byLevel()
  #day: number | null = null
  /** The version of each member of any list, and of some who left. */
  #known = new Map<string, number>()

  constructor(readonly partition: number) {}

  /** Time has come to `asOf`, rows or not. */
  advance(asOf: number): void {
    const day = dayOf(asOf)
    if (this.#day !== null && day <= this.#day) return
    const isNext = this.#day !== null && day === this.#day + 1
    // R1. Behind a day without a row nobody has moved.
    this.#moved = isNext ? this.#movedToday : byLevel()
    this.#movedToday = byLevel()
    this.#day = day
  }

  observe(row: TopRow): void {
    this.look(row, row.days, 0, row.days.length)
  }

  /**
   * The newest row of a customer, and his days (pairs as `DayScores`) from `from` to `to` of an array;
   * both stay the caller's.
   */
  look(row: NewestRow, days: ArrayLike<number>, from: number, to: number): void {
    const { customer, version, head } = row
    if (head !== null) this.advance(head.asOf)
    const level = head === null ? null : levelOf(head)
    const isKnown = this.#known.has(customer)
    if (!isKnown && level === null) return
    const probability = head?.probability ?? NaN
    const moved = Math.abs(probability - scoreBefore(days, this.#day! - 1, from, to))
    const movedToday = Math.abs(probability - scoreBefore(days, this.#day!, from, to))
    // Nearly every row ends here, so nothing is made for it.
    if (!isKnown && !this.#admits(customer, level!, probability, moved, movedToday)) return
    if (isKnown) for (const list of this.#lists()) list.drop(customer)
    if (level !== null) {
      const { partition } = this
      const kept = { customer, partition, version, head, days: slice(days, from, to) }
      this.#risk[level].place({ customer, value: probability, row: kept })
      if (moved >= MOVE_MIN) this.#moved[level].place({ customer, value: moved, row: kept })
      if (movedToday >= MOVE_MIN) {
        this.#movedToday[level].place({ customer, value: movedToday, row: kept })
      }
    }
    this.#known.set(customer, version)
    if (this.#known.size > KNOWN_MAX) this.#forgetOthers()
  }

  /** A row that somebody read a while ago: one that is known to be older changes nothing. */
  found(row: TopRow): void {
    const known = this.#known.get(row.customer)
    if (known === undefined || known < row.version) this.observe(row)
  }

  /** Those of whom `confirm` has to be told before what `found` made of them can be believed. */
  members(): string[] {
    return [...this.#known.keys()]
  }

  /** What a member's row is by now; whoever has left meanwhile stays away. */
  confirm(customer: string, row: TopRow | null): void {
    const known = this.#known.get(customer)
    if (known === undefined || (row !== null && row.version <= known)) return
    const { partition } = this
    this.observe(row ?? { customer, partition, version: known, head: null, days: [] })
  }

  get isShort(): boolean {
    const lists = [...this.#lists()]
    return lists.some((list) => list.isShort(topMax))
  }

  answer(isWhole: boolean): PartitionTop {
    const day = this.#day
    const entries = (lists: ByLevel) => {
      const of = (level: RiskLevel) =>
        lists[level].best(topMax).map(({ row }) => entryOf(row, level, day!))
      return { high: of('high'), medium: of('medium'), low: of('low') }
    }
    return {
      partition: this.partition,
      complete: isWhole && !this.isShort,
      since: day === null ? null : startOfDay(day - 1),
      risk: entries(this.#risk),
      change: entries(this.#moved),
    }
  }

  #admits(
    customer: string,
    level: RiskLevel,
    probability: number,
    moved: number,
    movedToday: number,
  ): boolean {
    if (this.#risk[level].admits(customer, probability)) return true
    if (moved >= MOVE_MIN && this.#moved[level].admits(customer, moved)) return true
    return movedToday >= MOVE_MIN && this.#movedToday[level].admits(customer, movedToday)
  }

  *#lists(): Iterable<TopList<Place>> {
    for (const lists of [this.#risk, this.#moved, this.#movedToday]) yield* Object.values(lists)
  }

  #forgetOthers(): void {
    const kept = new Map<string, number>()
    for (const list of this.#lists()) {
      for (const customer of list.customers()) kept.set(customer, this.#known.get(customer)!)
    }
    this.#known = kept
  }
}

/** Above what nine full lists hold. */
const KNOWN_MAX = 4_000

const byLevel = (): ByLevel => ({
  high: new TopList(),
  medium: new TopList(),
  low: new TopList(),
})

function slice(days: ArrayLike<number>, from: number, to: number): DayScores {
  const taken: number[] = []
  for (let at = from; at < to; at++) taken.push(days[at])
  return taken
}

/** null: the row has no place in any list. */
function levelOf({ probability, risk, retired }: RowHead): RiskLevel | null {
  if (retired || Number.isNaN(probability)) return null
  return risk === 'unknown' ? null : risk
}

function entryOf(
  { customer, partition, version, head, days }: TopRow,
  risk: RiskLevel,
  day: number,
) {
  const { asOf, probability } = head!
  const before = scoreBefore(days, day - 1)
  const movedBy = Number.isNaN(before) ? null : probability - before
  return { customer, partition, commit: version, asOf, probability, risk, movedBy }
}

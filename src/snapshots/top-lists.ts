/**
 * Whose risk is highest, and whose moved most, in one partition: by risk level, the newest rows.
 *
 * Owns the rankings. Does not own where rows come from (`top-keeper.ts`).
 *
 * A move counts from the start of yesterday, UTC in event time: a list of today alone would be empty
 * every midnight. R1: moves since the start of today are ranked beside them, and become the list
 * when the day turns; nothing has to be computed again then.
 */
import type { ChangeHead } from '../events/output-changes.js'
import type { RiskLevel } from '../scoring/risk.js'
import { type DayScores, dayOf, scoreBefore, startOfDay } from './day-scores.js'
import { type Ranked, TopList } from './top-list.js'

/** Entries of each list that is answered. */
export const topMax = 50

/** The page shows tenths of a percent: what moves by less has not moved. */
const MOVE_MIN = 0.0005

/** A customer's newest row as far as rankings go. */
export interface TopRow {
  readonly customer: string
  readonly partition: number
  /** The commit that wrote it. */
  readonly version: number
  /** null: erased. */
  readonly head: Omit<ChangeHead, 'cause'> | null
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

/** What rankings ask of a row first. */
export interface RankedRow {
  readonly customer: string
  readonly partition: number
  /** ms UTC; NaN: erased. */
  readonly asOf: number
  readonly probability: number
  /** null: it has no place in any list. */
  readonly level: RiskLevel | null
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

  /**
   * Whether a customer's newest row would change anything here: nearly every row ends here, so nothing
   * is made to ask. `days`: pairs from `from` to `to`, as `DayScores`. Time comes to the row's.
   */
  concerns(row: RankedRow, days: ArrayLike<number>, from = 0, to = days.length): boolean {
    const { customer, asOf, probability, level } = row
    if (!Number.isNaN(asOf)) this.advance(asOf)
    if (this.#known.has(customer)) return true
    if (level === null) return false
    if (this.#risk[level].admits(customer, probability)) return true
    const moved = Math.abs(probability - scoreBefore(days, this.#day! - 1, from, to))
    if (moved >= MOVE_MIN && this.#moved[level].admits(customer, moved)) return true
    const movedToday = Math.abs(probability - scoreBefore(days, this.#day!, from, to))
    return movedToday >= MOVE_MIN && this.#movedToday[level].admits(customer, movedToday)
  }

  /** The newest row of a customer. */
  observe(row: TopRow): void {
    const { customer, version, days } = row
    const ranked = rankedRow(row)
    if (!this.concerns(ranked, days)) return
    if (this.#known.has(customer)) for (const list of this.#lists()) list.drop(customer)
    if (ranked.level !== null) this.#place(row, ranked.probability, ranked.level)
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

  #place(row: TopRow, probability: number, level: RiskLevel): void {
    const { customer, days } = row
    this.#risk[level].place({ customer, value: probability, row })
    const moved = moveOf(days, this.#day! - 1, probability)
    if (moved >= MOVE_MIN) this.#moved[level].place({ customer, value: moved, row })
    const movedToday = moveOf(days, this.#day!, probability)
    if (movedToday >= MOVE_MIN) this.#movedToday[level].place({ customer, value: movedToday, row })
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

/** NaN where no score is known of before the day. */
function moveOf(days: DayScores, day: number, probability: number): number {
  return Math.abs(probability - scoreBefore(days, day))
}

function rankedRow({ customer, partition, head }: TopRow): RankedRow {
  if (head === null) return { customer, partition, asOf: NaN, probability: NaN, level: null }
  const { asOf, probability } = head
  return { customer, partition, asOf, probability, level: levelOf(head) }
}

/** null: the row has no place in any list. */
export function levelOf({
  probability,
  risk,
  retired,
}: Pick<ChangeHead, 'probability' | 'risk' | 'retired'>): RiskLevel | null {
  const isRanked = !retired && !Number.isNaN(probability)
  return isRanked && risk !== null && risk !== 'unknown' ? risk : null
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

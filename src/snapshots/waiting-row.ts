import type { RowHead } from '../events/output-changes.js'
import { dayOf, type DayScores, noScores, withScore, withScores } from './day-scores.js'
import { addChanges, addDay, type Facts, type FullBlock, type StoredFacts } from './facts.js'
import { rowBytes, type SnapshotRow } from './snapshot-row.js'
import { type ChangeFormat, keptChanges } from './stored-changes.js'
import type { SnapshotPut } from './snapshots.js'
import type { NewestRow } from './top-lists.js'

type NewestPut = Pick<SnapshotPut, 'features' | 'score'> & { readonly head?: RowHead | null }

/**
 * A customer's newest row that waits for the disk, and what led there since the disk was written last.
 * Written over by the next one: a busy customer has one object however often he is put.
 */
export class WaitingRow implements SnapshotRow, NewestRow {
  readonly customer: string
  features: Uint8Array | null
  score: Uint8Array | null
  /** null: nobody has read it yet, or he is erased. */
  head: RowHead | null
  /** Where the newest of the changes are, oldest first. */
  places: readonly number[] = none
  /** How many there were. */
  count = 0
  /** The last scores of days before that of the row. */
  days: DayScores = noScores
  /** Whether the changes on the disk are not his any more: he was erased. */
  cleared = false
  /** Where in memory the facts of the disk are, while a write is under way; -1: nowhere. */
  slot = -1
  /**
   * The facts of the disk before a write took these up, where no slot has them. A write that failed
   * may have had its effect, and then the disk would tell a count that has these in it.
   */
  known: StoredFacts | null = null

  constructor(
    put: SnapshotPut,
    public partition: number,
    public version: number,
  ) {
    this.customer = put.customer
    this.features = put.features
    this.score = put.score
    this.head = put.head ?? null
  }

  /** Memory, roughly. */
  get bytes(): number {
    return rowBytes(this.customer, this) + 8 * this.places.length
  }

  /** `format`: null where no history is kept. */
  replace(put: NewestPut, partition: number, version: number, format: ChangeFormat | null): void {
    if (format !== null && put.features !== null) this.#turnDay(put.features, put.head, format)
    this.partition = partition
    this.version = version
    this.features = put.features
    this.score = put.score
    this.head = put.head ?? null
  }

  addChange(featuresOffset: number, scoresOffset: number): void {
    this.count++
    if (this.places.length === 0) {
      // Most have one: an array that is pushed to would take room for eight.
      this.places = [featuresOffset, scoresOffset]
      return
    }
    const places = this.places as number[]
    places.push(featuresOffset, scoresOffset)
    // Trimmed at twice its size, so that it costs nothing per row.
    if (places.length > 4 * keptChanges) this.#trim()
  }

  /** What was before is gone: he is erased. */
  clear(): void {
    this.places = none
    this.count = 0
    this.days = noScores
    this.cleared = true
  }

  /** Takes up what came behind it. */
  follow(later: WaitingRow, format: ChangeFormat | null): void {
    this.replace(later, later.partition, later.version, format)
    if (later.cleared) this.clear()
    this.days = withScores(this.days, later.days)
    this.places = [...this.places, ...later.places]
    this.count += later.count
    this.#trim()
  }

  /** Knows what the row is to rankings, and to the scores of days. */
  readHead(format: ChangeFormat): void {
    if (this.features !== null) this.head ??= format.head(this.features, this.score)
  }

  /** Brings facts of the disk to what they are behind the write; blocks that are full go into `full`. */
  addTo(facts: Facts, at: number, full: FullBlock[] | null): void {
    addChanges(facts, at, this.places, this.count, full)
    const { days, head } = this
    for (let day = 0; day < days.length; day += 2) addDay(facts, at, days[day], days[day + 1])
    if (head !== null) addDay(facts, at, dayOf(head.asOf), head.probability)
  }

  /** The score of a row that gives way is needed only where the day turns. */
  #turnDay(next: Uint8Array, nextHead: RowHead | null | undefined, format: ChangeFormat): void {
    if (this.features === null) return
    const day = dayOf(this.head?.asOf ?? format.asOf(this.features))
    if (day === dayOf(nextHead?.asOf ?? format.asOf(next))) return
    this.readHead(format)
    this.days = withScore(this.days, day, this.head!.probability)
  }

  #trim(): void {
    if (this.places.length > 2 * keptChanges) this.places = this.places.slice(-2 * keptChanges)
  }
}

const none: readonly number[] = []

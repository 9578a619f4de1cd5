import type { Cause } from '../features/rows.js'
import type { Risk } from '../events/output-schemas.js'
import type { BoardRow, ScoreChange } from './board-row.js'

const SEQUENCE = 0
const PREVIOUS = 1
const PROBABILITY = 2
const AS_OF = 3
const PARTITION = 4
const END_OFFSET = 5
const COMMIT = 6
const NUMBERS = 7

/**
 * The last changes of one cause, in columns that are written over in a ring: most of a busy commit's
 * are gone before anybody asks. Who asks gets objects.
 */
export class LastChanges {
  readonly #customers: string[] = []
  readonly #risks: Risk[] = []
  readonly #numbers: Float64Array
  /** Where the next one goes; the oldest where the ring is full. */
  #next = 0

  constructor(
    private readonly cause: Cause,
    private readonly max: number,
  ) {
    this.#numbers = new Float64Array(max * NUMBERS)
  }

  /** `previous`: NaN where none is known. The row stays the caller's. */
  add(row: BoardRow, sequence: number, previous: number): void {
    const place = this.#next
    this.#next = place + 1 === this.max ? 0 : place + 1
    this.#customers[place] = row.customer
    this.#risks[place] = row.risk
    const numbers = this.#numbers
    const at = place * NUMBERS
    numbers[at + SEQUENCE] = sequence
    numbers[at + PREVIOUS] = previous
    numbers[at + PROBABILITY] = row.probability
    numbers[at + AS_OF] = row.asOf
    numbers[at + PARTITION] = row.partition
    numbers[at + END_OFFSET] = row.endOffset
    numbers[at + COMMIT] = row.commit
  }

  /** Those with a higher sequence, oldest first. */
  after(sequence: number): ScoreChange[] {
    const count = this.#customers.length
    const oldest = count < this.max ? 0 : this.#next
    const changes: ScoreChange[] = []
    for (let index = 0; index < count; index++) {
      const place = (oldest + index) % this.max
      if (this.#numbers[place * NUMBERS + SEQUENCE] > sequence) changes.push(this.#at(place))
    }
    return changes
  }

  forget(customer: string): void {
    if (!this.#customers.includes(customer)) return
    const kept = this.after(0).filter((change) => change.customer !== customer)
    this.#customers.length = 0
    this.#risks.length = 0
    this.#next = 0
    for (const change of kept) this.add(change, change.sequence, change.previous ?? NaN)
  }

  #at(place: number): ScoreChange {
    const { cause } = this
    const at = place * NUMBERS
    const numbers = this.#numbers
    const previous = numbers[at + PREVIOUS]
    return {
      customer: this.#customers[place],
      cause,
      partition: numbers[at + PARTITION],
      endOffset: numbers[at + END_OFFSET],
      asOf: numbers[at + AS_OF],
      probability: numbers[at + PROBABILITY],
      risk: this.#risks[place],
      commit: numbers[at + COMMIT],
      sequence: numbers[at + SEQUENCE],
      previous: Number.isNaN(previous) ? null : previous,
    }
  }
}

import type { BoardRow, ScoreChange } from './score-board.js'

/** Ends as a `ScoreChange`. */
type Kept = { -readonly [K in keyof BoardRow]: BoardRow[K] } & {
  sequence: number
  /** NaN: none is known. */
  previous: number
}

/**
 * The last changes of one cause. They are written over in a ring, as most of a busy commit's are gone
 * before anybody asks; who asks gets copies.
 */
export class LastChanges {
  #ring: Kept[] = []
  /** Where the next one goes; the oldest where the ring is full. */
  #next = 0

  constructor(private readonly max: number) {}

  /** `previous`: NaN where none is known. The row stays the caller's. */
  add(row: BoardRow, sequence: number, previous: number): void {
    const place = this.#next
    this.#next = place + 1 === this.max ? 0 : place + 1
    if (place === this.#ring.length) {
      this.#ring.push({ ...row, sequence, previous })
      return
    }
    const kept = this.#ring[place]
    kept.customer = row.customer
    kept.cause = row.cause
    kept.partition = row.partition
    kept.endOffset = row.endOffset
    kept.asOf = row.asOf
    kept.probability = row.probability
    kept.risk = row.risk
    kept.commit = row.commit
    kept.sequence = sequence
    kept.previous = previous
  }

  /** Those with a higher sequence, oldest first. */
  *after(sequence: number): Iterable<ScoreChange> {
    for (const kept of this.#oldestFirst()) {
      if (kept.sequence <= sequence) continue
      yield { ...kept, previous: Number.isNaN(kept.previous) ? null : kept.previous }
    }
  }

  forget(customer: string): void {
    this.#ring = this.#oldestFirst().filter((kept) => kept.customer !== customer)
    this.#next = this.#ring.length % this.max
  }

  #oldestFirst(): Kept[] {
    if (this.#ring.length < this.max) return [...this.#ring]
    return [...this.#ring.slice(this.#next), ...this.#ring.slice(0, this.#next)]
  }
}

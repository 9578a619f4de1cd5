/** A record that was not used. */
export interface RefusedRecord {
  readonly partition: number
  readonly offset: number
  /** The record's key as text; empty where it has none. */
  readonly customer: string
  /** Of a reject; null: it came late. */
  readonly code: string | null
  readonly reason: string
}

const KEPT = 5
/** Reasons may quote what came. */
const REASON_MAX = 200

/** The newest few rejects and late events, for the page: topics have them all. */
export class RefusedRecords {
  #rejects: readonly RefusedRecord[] = []
  #late: readonly RefusedRecord[] = []
  /** Counts the changes, so that nobody is told twice. */
  version = 0

  /** Of one commit, oldest first. */
  rejected(records: readonly RefusedRecord[]): void {
    this.#rejects = newest(this.#rejects, records)
    this.version++
  }

  late(records: readonly RefusedRecord[]): void {
    this.#late = newest(this.#late, records)
    this.version++
  }

  /** An erased customer leaves nothing here either. */
  forget(customer: string): void {
    const isOther = (record: RefusedRecord) => record.customer !== customer
    this.#rejects = this.#rejects.filter(isOther)
    this.#late = this.#late.filter(isOther)
    this.version++
  }

  /** Newest first. */
  newest(): {
    readonly rejects: readonly RefusedRecord[]
    readonly late: readonly RefusedRecord[]
  } {
    return { rejects: this.#rejects, late: this.#late }
  }
}

function newest(
  kept: readonly RefusedRecord[],
  added: readonly RefusedRecord[],
): readonly RefusedRecord[] {
  const few = added.slice(-KEPT).toReversed()
  const cut = few.map((record) => ({ ...record, reason: record.reason.slice(0, REASON_MAX) }))
  return [...cut, ...kept].slice(0, KEPT)
}

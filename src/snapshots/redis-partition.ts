import type { HeldRecord, RecordGoal } from './redis-record.js'
import type { PartitionProof, SnapshotCursor } from './snapshots.js'

/** What this process knows of one partition's snapshots in Redis. */
export class RedisPartition {
  /** Of the record in Redis; null: it has to be read, or begun. */
  life: string | null = null
  /** What Redis acknowledged. */
  durable: SnapshotCursor | null = null
  /** The newest that was put. */
  seen: SnapshotCursor | null = null
  /** How far the outputs were put again; null while they are not. */
  refilled: SnapshotCursor | null = null
  /** Rows are missing in Redis that nobody will put by himself: the outputs must be put again. */
  behind = false
  refilling = false
  /** Whatever its record says, a new life has to begin. */
  distrusted = false
  /** Counts the losses: a refill from before one proves nothing. */
  losses = 0
  /** The highest commit of which a row was put or stored; Infinity before that is known. */
  highest = Infinity
  #proof: PartitionProof | null = null

  constructor(readonly partition: number) {}

  /** Nothing was read of it yet. */
  get isNew(): boolean {
    return this.highest === Infinity
  }

  /** Of this process. Nothing is fresh while rows are missing. */
  get proof(): PartitionProof | null {
    return this.#proof && this.behind ? { ...this.#proof, caughtUp: false } : this.#proof
  }

  /** Whether rows that are put now are worth their memory. */
  get keepsRows(): boolean {
    return !this.behind || this.refilling
  }

  advance(proof: PartitionProof, cursor: SnapshotCursor): void {
    // Before the record was read, nothing is known to be lower than it.
    if (this.highest !== Infinity) this.highest = Math.max(this.highest, proof.commit)
    if (this.#proof === null || proof.commit >= this.#proof.commit) this.#proof = proof
    this.seen = later(this.seen, cursor)
  }

  /** The record was read, or begun. */
  found({ life, cursor, highest }: HeldRecord): void {
    this.life = life
    this.distrusted = false
    this.durable = cursor
    const known = this.highest === Infinity ? -1 : this.highest
    this.highest = Math.max(known, highest, this.#proof?.commit ?? -1)
  }

  /** What Redis has of the partition is not what it was told. */
  lost(): void {
    this.life = null
    this.durable = null
    this.missing()
  }

  /** Rows that were put will not come to Redis. */
  missing(): void {
    this.behind = true
    this.refilling = false
    this.refilled = null
    this.losses++
  }

  /** What the record may say once all rows that wait now are stored. */
  goal(): RecordGoal {
    const { durable, proof } = this
    // A cursor ahead of missing rows would pass over them for ever.
    const cursor = this.behind ? this.refilled : this.seen
    return { cursor, proof, durable }
  }

  saved(goal: RecordGoal): void {
    if (goal.cursor !== null) this.durable = later(this.durable, goal.cursor)
  }

  /** All outputs up to `cursor` are put again. */
  advanceRefill(cursor: SnapshotCursor): void {
    this.refilled = later(this.refilled, cursor)
  }

  /** What was put meanwhile follows on what was put again. */
  refillEnded(): void {
    if (this.refilled !== null) this.seen = later(this.seen, this.refilled)
    this.behind = false
    this.refilling = false
    this.refilled = null
  }
}

function later(cursor: SnapshotCursor | null, other: SnapshotCursor): SnapshotCursor {
  if (cursor === null || cursor.commit < other.commit) return other
  if (cursor.commit > other.commit) return cursor
  return cursor.featuresOffset <= other.featuresOffset ? other : cursor
}

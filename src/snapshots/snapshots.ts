/**
 * The port of the snapshot store: the newest feature row and score of each customer, for lookups.
 *
 * It follows the committed outputs and may lag behind them; it never holds what the log has not
 * committed. Invariants (checked by `test/conformance/snapshots.ts`):
 * N1 a put with a version (commit number) not above the stored one changes nothing.
 * N2 a removed customer leaves a versioned tombstone: an older put does not bring him back.
 * N3 `cursor(partition)` never runs ahead of what would survive a crash now.
 * N4 The history of a customer has each put that changed his row, the newest hundred; an erasure
 *    leaves none, and no older put brings one back.
 * N5 Top lists have nobody who is erased or retired, and where they say that they are complete,
 *    nobody is missing in them.
 */

import type { RowHead } from '../events/output-changes.js'
import type { PartitionTop } from './top-lists.js'

/** Rows are the record values of the output topics, byte for byte. */
export interface SnapshotPut {
  readonly customer: string
  /** null: erased. */
  readonly features: Uint8Array | null
  readonly score: Uint8Array | null
  /** What the bytes say of the row, from who has just written them; else it is read there. */
  readonly head?: RowHead
}

export interface Snapshot {
  readonly customer: string
  readonly partition: number
  /** The commit number that wrote it. */
  readonly version: number
  readonly features: Uint8Array
  readonly score: Uint8Array | null
}

/** What proves freshness: published with each commit and tick of a partition. */
export interface PartitionProof {
  readonly partition: number
  readonly asOf: number
  readonly endOffset: number
  readonly commit: number
  readonly caughtUp: boolean
}

/**
 * How far the store has followed the outputs; offsets are exclusive. Of a commit with puts, the records
 * of these stand right before them, in their order.
 */
export interface SnapshotCursor {
  readonly commit: number
  readonly featuresOffset: number
  readonly scoresOffset: number
}

export interface SnapshotStore {
  get(customer: string): Promise<Snapshot | null>
  getMany(customers: readonly string[]): Promise<(Snapshot | null)[]>
  /**
   * The last changes of a customer, newest first, as the bytes of `OutputChanges`; at most a hundred,
   * none of a store that keeps no history. `most`: who needs no more of them need not wait for more.
   */
  history(customer: string, most?: number): Promise<readonly Uint8Array[]>
  /**
   * Whose risk is highest and whose moved most in a partition that this process follows, as of a
   * moment ago; null where nothing is known, or no lists are kept.
   */
  top(partition: number): PartitionTop | null
  /**
   * The customers that are not erased, in portions and in no order that matters. Rows that wait for
   * the disk may be missing, or be those before.
   */
  scan(): AsyncIterable<readonly Snapshot[]>
  /** Applies the outputs of one commit, in commit order per partition. */
  put(
    puts: readonly SnapshotPut[],
    proof: PartitionProof,
    cursor: SnapshotCursor,
  ): Promise<void> | void
  proof(partition: number): PartitionProof | null
  /** The cursor of what is durable, or null in a store that holds nothing of the partition. */
  cursor(partition: number): Promise<SnapshotCursor | null>
  /**
   * Told how many rows it lacks of a partition that is opened: whether it puts these by itself, while
   * commits go on. Until it has, nothing is proved to be the newest.
   */
  catchUp?(partition: number, rows: number): boolean
  /**
   * This process does not follow the partition any more, until it asks for its cursor again; others
   * may have put more meanwhile.
   */
  release?(partition: number): void
  /** Makes all that was put durable. */
  flush(): Promise<void>
  close(): Promise<void>
}

/** How far the snapshots of each partition have come: what is seen, and what is durable. */
import type { PartitionProof, SnapshotCursor } from './snapshots.js'

/** One partition. `seen` runs ahead of `durable` by what waits for the disk. */
export interface PartitionProgress {
  /** The highest commit of which any row was put: a row above it can only be newer. */
  highest: number
  seen: SnapshotCursor | null
  durable: SnapshotCursor | null
  /** Of this process only: a store that was just opened proves nothing. */
  proof: PartitionProof | null
}

/** Of the rows: with another one they are made again. */
const format = 2

/** What is written with each flush. */
interface StoredProgress {
  readonly format?: number
  readonly damaged: boolean
  readonly partitions: readonly {
    readonly partition: number
    readonly highest: number
    readonly cursor: SnapshotCursor | null
  }[]
}

export class SnapshotProgress {
  /** A damaged value was met. */
  damaged = false
  /** The rows are as another version wrote them. */
  isForeign = false
  readonly #partitions = new Map<number, PartitionProgress>()

  of(partition: number): PartitionProgress {
    let progress = this.#partitions.get(partition)
    if (progress === undefined) {
      progress = { highest: -1, seen: null, durable: null, proof: null }
      this.#partitions.set(partition, progress)
    }
    return progress
  }

  /** Why the rows cannot be served, or null. `committed` tells a partition's newest commit. */
  async fault(committed?: (partition: number) => Promise<number>): Promise<string | null> {
    if (this.isForeign) return 'another version has written it'
    if (this.damaged) return 'damage was met when it was open last'
    if (committed === undefined) return null
    for (const [partition, { highest }] of this.#partitions) {
      const newest = await committed(partition)
      if (highest <= newest) continue
      return `it holds commit ${highest} of partition ${partition}; the log holds ${newest}`
    }
    return null
  }

  /** The outputs up to this proof and cursor are in memory. Older ones change nothing. */
  advance(proof: PartitionProof, cursor: SnapshotCursor): void {
    const progress = this.of(proof.partition)
    progress.highest = Math.max(progress.highest, proof.commit)
    if (progress.proof === null || proof.commit >= progress.proof.commit) progress.proof = proof
    if (progress.seen === null || isBehind(progress.seen, cursor)) progress.seen = cursor
  }

  /** What the store holds cannot be believed any more, and so neither can the cursors. */
  condemn(): void {
    this.damaged = true
    for (const progress of this.#partitions.values()) progress.durable = null
  }

  encode(): Buffer {
    const partitions = [...this.#partitions].map(([partition, { highest, seen }]) => ({
      partition,
      highest,
      cursor: seen,
    }))
    const stored: StoredProgress = { format, damaged: this.damaged, partitions }
    return Buffer.from(JSON.stringify(stored))
  }

  /** A flush of these bytes is durable. */
  confirm(bytes: Uint8Array): void {
    if (this.damaged) return
    for (const { partition, cursor } of parse(bytes).partitions) this.of(partition).durable = cursor
  }

  static decode(bytes: Uint8Array | null): SnapshotProgress {
    const progress = new SnapshotProgress()
    if (bytes === null) return progress
    const { damaged, partitions, ...stored } = parse(bytes)
    progress.isForeign = stored.format !== format
    progress.damaged = damaged
    for (const { partition, highest, cursor } of partitions) {
      const held = { highest, seen: cursor, durable: cursor, proof: null }
      progress.#partitions.set(partition, held)
    }
    return progress
  }
}

function parse(bytes: Uint8Array): StoredProgress {
  return JSON.parse(Buffer.from(bytes).toString('utf8')) as StoredProgress
}

function isBehind(cursor: SnapshotCursor, other: SnapshotCursor): boolean {
  if (cursor.commit !== other.commit) return cursor.commit < other.commit
  return cursor.featuresOffset <= other.featuresOffset
}

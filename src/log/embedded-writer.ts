/**
 * Makes transactions durable: one synced LevelDB batch for all that are waiting.
 *
 * Owns the order of commits, the offsets they get and the rows that close over them. Does not own
 * who may append, nor reading.
 *
 * W1 One write at a time; transactions get their offsets in the order in which they asked to commit.
 * W2 A tail advances only after the write that moved it is durable.
 * W3 After a failed write nothing is written until the log is opened again: LevelDB may have a torn
 *    record at the end of its own log, and what comes behind a torn record is lost.
 * W4 Nothing is written under a snapshot of what was before the last write (`read-gate.ts`).
 */
import type { ChainedBatch } from 'classic-level'
import { failpoint, failpointSoon } from '../failpoint.js'
import { sealOf, sealed } from '../state/checksum.js'
import { writeFailure, type Db } from '../state/level-store-db.js'
import type { ReadGate } from '../state/read-gate.js'
import type { BlockBuilder } from './embedded-block.js'
import { TALLY_KEY, keyAt, partitionKey } from './embedded-keys.js'
import { BlockMerger } from './embedded-merge.js'
import { encodeRow, type PartitionRow, writesOf } from './embedded-rows.js'
import type { Tail } from './tails.js'

/** A transaction's blocks, by where they go. */
export type Drafted = Map<Tail, BlockBuilder[]>
type Batch = ChainedBatch<Db, Buffer, Buffer>

interface Waiting {
  readonly drafted: Drafted
  readonly bytes: number
  readonly settle: () => void
  readonly resolve: (ends: ReadonlyMap<Tail, number>) => void
  readonly reject: (error: Error) => void
}

/** Commits that wait are written together up to this size, which bounds the memory of one write. */
const WRITE_BYTES_MAX = 32 * 1024 * 1024

const EMPTY = Buffer.alloc(0)

export class EmbeddedWriter {
  readonly #db: Db
  readonly #gate: ReadGate
  readonly #rows: Map<number, PartitionRow>
  readonly #merger: BlockMerger
  #writes: number
  #waiting: Waiting[] = []
  #running = false
  #loop: Promise<void> = Promise.resolve()
  /** The newest commit that was asked for, settled either way. */
  #newest: Promise<void> = Promise.resolve()
  #failure: Error | null = null

  constructor(db: Db, gate: ReadGate, rows: Map<number, PartitionRow>) {
    this.#db = db
    this.#gate = gate
    this.#rows = rows
    this.#merger = new BlockMerger(db, gate)
    this.#writes = writesOf(rows)
  }

  /** @throws TidemarkError LOG_WRITE_FAILED, DISK_FULL (74): the log must be opened again */
  commit(drafted: Drafted, bytes: number, settle: () => void): Promise<ReadonlyMap<Tail, number>> {
    const committing = new Promise<ReadonlyMap<Tail, number>>((resolve, reject) => {
      this.#waiting.push({ drafted, bytes, settle, resolve, reject })
    })
    this.#newest = committing.then(
      () => undefined,
      () => undefined,
    )
    if (!this.#running) {
      this.#running = true
      this.#loop = this.#run()
    }
    return committing
  }

  /** Resolves when the commits that are under way now have settled; later ones do not matter. */
  settled(): Promise<void> {
    return this.#newest
  }

  /** Resolves when nothing is being written any more; nobody may commit from here on. */
  finished(): Promise<void> {
    return this.#loop
  }

  async #run(): Promise<void> {
    // One turn later, so that writers which commit in the same turn share a write.
    await Promise.resolve()
    while (this.#waiting.length > 0) {
      const group = this.#takeGroup()
      try {
        if (this.#failure) throw this.#failure
        await this.#write(group)
        await this.#merger.merge().catch((cause: unknown) => {
          throw writeFailure('the event log', 'LOG_WRITE_FAILED', 'never', cause)
        })
      } catch (error) {
        this.#failure ??= error as Error
        for (const commit of group) commit.reject(this.#failure)
      }
    }
    // In the same turn as the last look at the queue: a commit between the two would wait for ever.
    this.#running = false
  }

  #takeGroup(): Waiting[] {
    let bytes = 0
    let count = 0
    while (count < this.#waiting.length && (count === 0 || bytes < WRITE_BYTES_MAX)) {
      bytes += this.#waiting[count].bytes
      count += 1
    }
    return this.#waiting.splice(0, count)
  }

  async #write(group: readonly Waiting[]): Promise<void> {
    const batch = this.#db.batch()
    const ends = new Map<Tail, number>()
    const erasures = new Map<Tail, number>()
    const endsOf = group.map(({ drafted }) => {
      this.#putBlocks(batch, drafted, ends, erasures)
      return new Map([...drafted.keys()].map((tail) => [tail, ends.get(tail)!]))
    })
    if (ends.size === 0) {
      await batch.close()
    } else {
      const rows = this.#closingRows(ends, erasures)
      for (const [partition, row] of rows) {
        const key = partitionKey(partition)
        batch.put(key, encodeRow(key, row))
      }
      const writes = this.#writes + rows.size
      batch.put(TALLY_KEY, encodeRow(TALLY_KEY, { writes }))
      failpoint('log.before-batch')
      const writing = this.#gate.write(() => {
        const written = batch.write({ sync: true })
        failpointSoon('log.in-sync')
        return written
      })
      await writing.catch((cause: unknown) => {
        throw writeFailure('the event log', 'LOG_WRITE_FAILED', 'never', cause)
      })
      failpoint('log.after-batch')
      for (const [partition, row] of rows) this.#rows.set(partition, row)
      this.#writes = writes
    }
    for (const commit of group) commit.settle()
    for (const [tail, end] of ends) tail.advance(end)
    for (const [index, commit] of group.entries()) commit.resolve(endsOf[index])
  }

  #putBlocks(
    batch: Batch,
    drafted: Drafted,
    ends: Map<Tail, number>,
    erasures: Map<Tail, number>,
  ): void {
    for (const [tail, blocks] of drafted) {
      let offset = ends.get(tail) ?? tail.end
      for (const block of blocks) {
        const key = keyAt('block', tail, offset)
        batch.put(keyAt('index', tail, offset, block.count), EMPTY)
        batch.put(key, block.finish(key))
        this.#merger.wrote(tail, offset, block)
        for (const { index, key: erasedKey } of block.erased) {
          putErasure(batch, tail, offset + index, erasedKey)
        }
        if (block.erased.length > 0) {
          erasures.set(tail, (erasures.get(tail) ?? 0) + block.erased.length)
        }
        offset += block.count
      }
      ends.set(tail, offset)
    }
  }

  /** The partition rows as they are after this write. */
  #closingRows(ends: Map<Tail, number>, erasures: Map<Tail, number>): Map<number, PartitionRow> {
    const rows = new Map<number, PartitionRow>()
    for (const [{ topic, partition }, end] of ends) {
      let row = rows.get(partition)
      if (row === undefined) {
        const before = this.#rows.get(partition) ?? { writes: 0, ends: {}, erasures: {} }
        row = {
          writes: before.writes + 1,
          ends: { ...before.ends },
          erasures: { ...before.erasures },
        }
        rows.set(partition, row)
      }
      row.ends[topic] = end
    }
    for (const [{ topic, partition }, count] of erasures) {
      const row = rows.get(partition)!
      row.erasures[topic] = (row.erasures[topic] ?? 0) + count
    }
    return rows
  }
}

function putErasure(batch: Batch, tail: Tail, offset: number, erasedKey: Buffer): void {
  const key = keyAt('erasure', tail, offset)
  batch.put(key, sealed(sealOf(key, erasedKey), erasedKey))
}

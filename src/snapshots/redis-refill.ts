/**
 * Puts a partition's outputs again where Redis lost them, or never got them.
 *
 * What is put again takes a part of the memory for rows that wait, or a commit would wait for room
 * behind millions of rows that were put long ago: a write of the whole takes seconds. One partition
 * is put again at a time: the more rows of one customer wait together, the less is sent.
 */
import type { RedisPartition } from './redis-partition.js'
import type { PartitionProof, SnapshotPut, SnapshotStore } from './snapshots.js'

/** What a refill sees of the store: from where on, and where to. */
export type SnapshotSink = Pick<SnapshotStore, 'cursor' | 'put'>

/**
 * Puts all outputs of a partition behind `sink.cursor(partition)` (null: from the beginning) in
 * commit order, up to what is committed when it is called, or later. Where the sink throws it ends.
 */
export type Refill = (partition: number, sink: SnapshotSink) => Promise<void>

/** What a refill needs of the writer. */
export interface RefillWriter {
  /** Those that wait. */
  readonly rows: { readonly nextBytes: number }
  readonly stopped: boolean
  readonly health: { change(): Promise<void> }
  add(puts: readonly SnapshotPut[], proof: PartitionProof, sure: boolean): void
  kick(): void
}

export interface RefillSettings {
  readonly refill: Refill
  /** Before a refill that failed is tried again. */
  readonly pauseMsMax: number
  readonly waitingBytesMax: number
  note(text: string): void
}

/** Of the memory for rows that wait: what is put again is read while as much is under way. */
const share = 3 / 8

/** Another loss came in between: what this refill puts proves nothing any more. */
class Overtaken extends Error {}

export class RedisRefill {
  /** Settles when all that have begun are over. */
  #turn: Promise<void> = Promise.resolve()

  constructor(
    private readonly writer: RefillWriter,
    private readonly settings: RefillSettings,
  ) {}

  /** Begins, where rows are missing and the record of the partition was read. */
  begin(partition: RedisPartition): void {
    if (!partition.behind || partition.refilling || partition.life === null) return
    // From here on rows that are put are kept: together with those put again none is missing.
    partition.refilling = true
    partition.refilled = partition.durable
    const { losses } = partition
    const isOver = () => partition.losses !== losses || this.writer.stopped
    const turn = this.#turn.then(() => this.#run(partition, isOver))
    this.#turn = turn.catch(() => undefined)
    turn.catch((error: unknown) => {
      if (isOver()) return
      this.settings.note(
        `putting the outputs of partition ${partition.partition} again failed: ${String(error)}`,
      )
      const again = () => {
        if (isOver()) return
        partition.missing()
        this.writer.kick()
      }
      setTimeout(again, this.settings.pauseMsMax).unref()
    })
  }

  get #isAhead(): boolean {
    return this.writer.rows.nextBytes >= this.settings.waitingBytesMax * share
  }

  async #run(partition: RedisPartition, isOver: () => boolean): Promise<void> {
    const check = (): void => {
      if (isOver()) throw new Overtaken()
    }
    check()
    await this.settings.refill(partition.partition, {
      cursor: async () => partition.durable,
      put: async (puts, proof, cursor) => {
        check()
        this.writer.add(puts, proof, false)
        partition.advanceRefill(cursor)
        this.writer.kick()
        while (this.#isAhead && !isOver()) await this.writer.health.change()
        check()
      },
    })
    check()
    partition.refillEnded()
    this.settings.note(`the outputs of partition ${partition.partition} are put again`)
    this.writer.kick()
  }
}

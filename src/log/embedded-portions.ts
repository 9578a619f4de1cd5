/**
 * The sealed rows of an embedded log as they lie, read in portions. Who reads them checks and
 * decodes them; so it does not matter whether they came from the database or over a socket.
 */
import type { Db } from '../state/level-store-db.js'
import { keyAt, parseIndexKey } from './embedded-keys.js'
import type { TopicPartition } from './tails.js'

/** One portion: a few full blocks, or many small ones. */
const portionRowsMax = 256
/** A portion ends with the row that passes this size; a block may have 1.5 MB. */
const portionBytesMax = 1024 * 1024

/** Rows by their keys, in ascending order. */
export type Rows = readonly (readonly [key: Buffer, value: Buffer])[]

export type RowKind = 'block' | 'erasure'

export interface Portions {
  /** The next rows; none at the end. One call at a time. */
  next(): Promise<Rows>
  close(): Promise<void>
}

export interface LogRows {
  /**
   * Rows of one topic partition from `offset` on; of blocks, from the one that holds the offset. They
   * are those that were there when the first portion was asked for, and perhaps later ones.
   */
  portions(kind: RowKind, at: TopicPartition, offset: number): Portions
}

/** All rows of `portions`, which it closes. */
export async function allRows(portions: Portions): Promise<Rows> {
  const all: (readonly [Buffer, Buffer])[] = []
  try {
    for (;;) {
      const rows = await portions.next()
      if (rows.length === 0) return all
      for (const row of rows) all.push(row)
    }
  } finally {
    await portions.close()
  }
}

export class DbRows implements LogRows {
  constructor(private readonly db: Db) {}

  portions(kind: RowKind, at: TopicPartition, offset: number): Portions {
    return new DbPortions(this.db, kind, at, offset)
  }
}

type Snapshot = ReturnType<Db['snapshot']>

/** LevelDB's iterator over rows; it sees the log as it was when it was made. */
interface Iteration {
  readonly iterator: { nextv(size: number): Promise<[Buffer, Buffer][]>; close(): Promise<void> }
  readonly snapshot: Snapshot
}

class DbPortions implements Portions {
  #iteration: Iteration | null = null

  constructor(
    private readonly db: Db,
    private readonly kind: RowKind,
    private readonly at: TopicPartition,
    private readonly offset: number,
  ) {}

  async next(): Promise<Rows> {
    this.#iteration ??= await this.#open()
    return this.#iteration.iterator.nextv(portionRowsMax)
  }

  async close(): Promise<void> {
    const iteration = this.#iteration
    this.#iteration = null
    if (iteration === null) return
    await iteration.iterator.close()
    await iteration.snapshot.close()
  }

  async #open(): Promise<Iteration> {
    const { db, kind, at, offset } = this
    // One view for the index and the blocks: a merge between the two would move the borders.
    const snapshot = db.snapshot()
    const from = kind === 'block' ? await this.#baseOf(offset, snapshot) : offset
    const iterator = db.iterator({
      gte: keyAt(kind, at, from),
      lt: keyAt(kind, at, Number.MAX_SAFE_INTEGER),
      highWaterMarkBytes: portionBytesMax,
      snapshot,
    })
    return { iterator, snapshot }
  }

  /** The base offset of the block that holds `offset`. */
  async #baseOf(offset: number, snapshot: Snapshot): Promise<number> {
    const keys = this.db.keys({
      gte: keyAt('index', this.at, 0),
      lt: keyAt('index', this.at, offset + 1),
      reverse: true,
      limit: 1,
      snapshot,
    })
    const [key] = await keys.all()
    return key === undefined ? offset : (parseIndexKey(key)?.baseOffset ?? offset)
  }
}

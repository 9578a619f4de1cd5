/**
 * The sealed rows of an embedded log as they lie, read in portions. Who reads them checks and
 * decodes them; so it does not matter whether they came from the database or over a socket.
 *
 * Nothing is kept between two portions, neither here nor in the database: a log must not be written
 * to under an old snapshot (`state/read-gate.ts`). So a merge may move the borders of blocks between
 * two portions, and the next one begins with the block that holds the next offset.
 */
import type { Db } from '../state/level-store-db.js'
import type { ReadGate } from '../state/read-gate.js'
import { blockCount } from './embedded-block.js'
import { baseOffsetOf, keyAt, parseIndexKey } from './embedded-keys.js'
import type { TopicPartition } from './tails.js'

/** One portion: a few full blocks, or many small ones. */
const portionRowsMax = 256
/** A portion ends with the row that passes this size; a block may have 1.5 MB. */
const portionBytesMax = 1024 * 1024

/** Rows by their keys, in ascending order. */
export type Rows = readonly (readonly [key: Buffer, value: Buffer])[]

export type RowKind = 'block' | 'erasure'

export interface LogRows {
  /** A portion of the rows of one topic partition from `offset` on; of blocks, from the one that holds it. */
  rows(kind: RowKind, at: TopicPartition, offset: number): Promise<Rows>
}

/** Rows in portions, each what is there when it is asked for. */
export class Portions {
  constructor(
    private readonly source: LogRows,
    private readonly kind: RowKind,
    private readonly at: TopicPartition,
    private offset: number,
  ) {}

  /** The next rows; none at the end. One call at a time. */
  async next(): Promise<Rows> {
    const from = this.offset
    const came = await this.source.rows(this.kind, this.at, from)
    // Asked for what is behind the end, a source may tell the last block once more.
    const rows = came.filter((row) => baseOffsetOf(row[0]) >= from || this.#endOf(row) > from)
    const last = rows.at(-1)
    if (last !== undefined) this.offset = this.#endOf(last)
    return rows
  }

  /** The offset behind a row. */
  #endOf([key, value]: Rows[number]): number {
    return baseOffsetOf(key) + (this.kind === 'block' ? blockCount(value) : 1)
  }
}

/** Whether there may be more behind a portion than what came since. */
export function isFull(rows: Rows): boolean {
  if (rows.length >= portionRowsMax) return true
  let bytes = 0
  for (const [key, value] of rows) bytes += key.length + value.length
  return bytes >= portionBytesMax
}

/** All rows of a kind. */
export async function allRows(source: LogRows, kind: RowKind, at: TopicPartition): Promise<Rows> {
  const portions = new Portions(source, kind, at, 0)
  const all: (readonly [Buffer, Buffer])[] = []
  for (;;) {
    const rows = await portions.next()
    if (rows.length === 0) return all
    for (const row of rows) all.push(row)
  }
}

export class DbRows implements LogRows {
  constructor(
    private readonly db: Db,
    private readonly gate: ReadGate,
  ) {}

  rows(kind: RowKind, at: TopicPartition, offset: number): Promise<Rows> {
    return this.gate.read(() => this.#read(kind, at, offset))
  }

  async #read(kind: RowKind, at: TopicPartition, offset: number): Promise<Rows> {
    // One view for the index and the blocks: a merge between the two would move the borders.
    const snapshot = this.db.snapshot()
    try {
      const from = kind === 'block' ? await this.#baseOf(at, offset, snapshot) : offset
      const rows = this.db.iterator({
        gte: keyAt(kind, at, from),
        lt: keyAt(kind, at, Number.MAX_SAFE_INTEGER),
        highWaterMarkBytes: portionBytesMax,
        snapshot,
      })
      try {
        return await rows.nextv(portionRowsMax)
      } finally {
        await rows.close()
      }
    } finally {
      await snapshot.close()
    }
  }

  /** The base offset of the block that holds `offset`, or `offset` where none does. */
  async #baseOf(
    at: TopicPartition,
    offset: number,
    snapshot: ReturnType<Db['snapshot']>,
  ): Promise<number> {
    const keys = this.db.keys({
      gte: keyAt('index', at, 0),
      lt: keyAt('index', at, offset + 1),
      reverse: true,
      limit: 1,
      snapshot,
    })
    const [key] = await keys.all()
    const row = key === undefined ? null : parseIndexKey(key)
    return row === null || row.baseOffset + row.count <= offset ? offset : row.baseOffset
  }
}

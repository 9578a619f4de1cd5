/**
 * One step of a customer's story: what a feature row and its score say beyond those of the app, in a
 * fifth of their bytes. A history keeps a hundred of them where a snapshot keeps the newest rows.
 *
 * C1 A change is whole by itself: its values are all values, so what moved between two is found by
 *    whoever reads them, in whatever order they came and whichever are missing.
 */
import type { Cause, Column } from '../features/rows.js'
import { AvroWriter } from './avro-writer.js'
import { openRow } from './output-head.js'
import type { RowLayout } from './output-rows.js'
import { causes, risks, type Risk } from './output-schemas.js'
import { RowReader } from './row-reader.js'

export interface OutputChange {
  readonly commit: number
  /** ms UTC. */
  readonly asOf: number
  /** Exclusive. */
  readonly endOffset: number
  readonly cause: Cause
  readonly retired: boolean
  /** null: the row has no score. */
  readonly score: {
    /** null where even the fallback failed. */
    readonly probability: number | null
    readonly risk: Risk
  } | null
  readonly values: Readonly<Record<string, number | string | null>>
}

/** What rankings ask of a row and its score. */
export interface RowHead {
  /** ms UTC. */
  readonly asOf: number
  readonly retired: boolean
  /** NaN: there is no score, or even the fallback failed. */
  readonly probability: number
  /** null: the row has no score. */
  readonly risk: Risk | null
}

/** What a change says before its values. */
export interface ChangeHead extends RowHead {
  readonly cause: Cause
}

const hashBytes = 32
const RETIRED = 1
const SCORED = 2
const CERTAIN = 4

/** Writes and reads the changes of one app. Not shared between threads of work: it keeps a place. */
export class OutputChanges {
  readonly #columns: readonly Column[]
  readonly #row = new RowReader()
  readonly #writer = new AvroWriter()

  constructor({ columns }: Pick<RowLayout, 'columns'>) {
    this.#columns = columns
  }

  /**
   * The change that an emitted row and its score amount to.
   *
   * @throws RangeError where the bytes are no rows of this app
   */
  encode(features: Uint8Array, score: Uint8Array | null): Buffer {
    const scored = score === null ? null : this.#scored(score)
    const row = this.#row
    const { asOf, endOffset, commit } = openRow(row, features)
    row.skipString()
    row.skip(hashBytes)
    const cause = row.long()
    if (row.isThere()) row.long()
    const retired = row.boolean()
    row.skip(1)
    const writer = this.#writer
    writer.time(commit)
    writer.time(asOf)
    writer.time(endOffset)
    writer.byte(cause)
    const certain = scored !== null && scored.probability !== null
    const isScored = scored === null ? 0 : SCORED
    writer.byte((retired ? RETIRED : 0) | isScored | (certain ? CERTAIN : 0))
    if (scored !== null) {
      writer.byte(scored.risk)
      if (scored.probability !== null) writer.float(scored.probability)
    }
    writer.raw(row.bytes.subarray(row.at))
    return writer.take()
  }

  /** @throws RangeError where the bytes are no change of this app */
  decode(bytes: Uint8Array): OutputChange {
    const row = this.#row
    row.open(bytes, 0)
    const [commit, asOf, endOffset] = [row.long(), row.long(), row.long()]
    const cause = causes[row.byte()]
    const flags = row.byte()
    const risk = flags & SCORED ? risks[row.byte()] : null
    const probability = flags & CERTAIN ? row.float() : null
    const values: Record<string, number | string | null> = {}
    for (const { name, type } of this.#columns) values[name] = this.#value(type)
    if (!row.isAtEnd) throw new RangeError('a change does not end here')
    return {
      commit,
      asOf,
      endOffset,
      cause,
      retired: (flags & RETIRED) !== 0,
      score: risk === null ? null : { probability, risk },
      values,
    }
  }

  /**
   * What the change of a row and its score would say before its values.
   *
   * @throws RangeError where the bytes are no rows of this app
   */
  head(features: Uint8Array, score: Uint8Array | null): ChangeHead {
    const scored = score === null ? null : this.#scored(score)
    const row = this.#row
    const { asOf } = openRow(row, features)
    row.skipString()
    row.skip(hashBytes)
    const cause = causes[row.long()]
    if (row.isThere()) row.long()
    const retired = row.boolean()
    const risk = scored === null ? null : risks[scored.risk]
    return { asOf, cause, retired, probability: scored?.probability ?? NaN, risk }
  }

  /** When the row is of, in ms UTC. Throws as `head` does. */
  asOf(features: Uint8Array): number {
    return openRow(this.#row, features).asOf
  }

  #scored(bytes: Uint8Array): { probability: number | null; risk: number } {
    const row = this.#row
    openRow(row, bytes)
    // The bundle's name and version.
    for (let skipped = 0; skipped < 2; skipped++) row.skipString()
    row.skip(hashBytes)
    // Experiment and variant.
    for (let skipped = 0; skipped < 2; skipped++) if (row.isThere()) row.skipString()
    row.long()
    if (row.isThere()) row.long()
    const probability = row.isThere() ? row.float() : null
    return { probability, risk: row.long() }
  }

  #value(type: Column['type']): number | string | null {
    const row = this.#row
    if (!row.isThere()) return null
    if (type === 'long') return row.long()
    return type === 'double' ? row.double() : row.string()
  }
}

/** The commit of a change without the rest of it: changes are told apart by it. */
export function changeCommit(bytes: Uint8Array): number {
  const row = new RowReader()
  row.open(bytes, 0)
  return row.long()
}

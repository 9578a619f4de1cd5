/** The embedded log's small rows: JSON behind a seal, so that a flipped bit is found. */
import { sealOf, sealed, unsealed } from '../state/checksum.js'
import type { TimeBase } from './log.js'

/** Written once, when the log is created. */
export interface MetaRow {
  readonly format: 1
  readonly id: string
  readonly partitions: number
  readonly timeBase: TimeBase
}

/** Where the topics of one partition number end, as of the last write that touched it. */
export interface PartitionRow {
  /** How often this row was written. */
  writes: number
  /** Exclusive end offsets by topic. */
  readonly ends: Record<string, number>
  /** How many erasure rows there are, by topic; a topic without any is left out. */
  readonly erasures: Record<string, number>
}

/** The sum of `writes` over all partition rows: a write that was lost as a whole leaves a gap. */
export interface TallyRow {
  readonly writes: number
}

/** The writes that the partition rows have counted. */
export function writesOf(rows: ReadonlyMap<number, PartitionRow>): number {
  let writes = 0
  for (const row of rows.values()) writes += row.writes
  return writes
}

export function encodeRow(key: Buffer, row: MetaRow | PartitionRow | TallyRow): Buffer {
  const payload = Buffer.from(JSON.stringify(row))
  return sealed(sealOf(key, payload), payload)
}

/** Null where the bytes are not those that were written. */
export function decodeRow(key: Buffer, bytes: Buffer): unknown {
  const payload = unsealed(key, bytes)
  return payload && (JSON.parse(Buffer.from(payload).toString('utf8')) as unknown)
}

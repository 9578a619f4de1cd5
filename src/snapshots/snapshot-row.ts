/** A snapshot as the bytes of a store's value: its seal, what it belongs to, the rows as they are. */
import { sealBytes, sealOf } from '../state/checksum.js'
import { type DayScores, noScores } from './day-scores.js'
import type { Snapshot } from './snapshots.js'

/** A customer's newest rows, or that they were erased (then `features` is null). */
export interface SnapshotRow {
  readonly partition: number
  /** The commit number that wrote it. */
  readonly version: number
  readonly features: Uint8Array | null
  readonly score: Uint8Array | null
}

/** What is stored beside a customer's newest row, so that his history need not be read for it. */
export interface StoredFacts {
  /** How many changes of his there have been: where the next one goes. */
  readonly changes: number
  readonly days: DayScores
}

/** A row on a disk. */
export interface StoredRow extends SnapshotRow, StoredFacts {}

const HEADER_BYTES = 17
const COUNT_BYTES = 4
const ERASED = 1
const SCORED = 2
const COUNTED = 4
/** Behind the count: u8 how many days, then u32 day and f32 score of each. */
const DATED = 8
const DAY_BYTES = 8

/**
 * u64 seal, then u8 flags, u32 partition, f64 version, u32 length of the features, u32 changes, and
 * the days' scores (rows from before there were any have none), features, score. In one piece: the rows of a busy engine
 * are copied here once, and no more.
 */
export function sealedSnapshotRow(key: Uint8Array, row: StoredRow): Buffer {
  const { partition, version, features, score, days } = row
  const featuresLength = features?.length ?? 0
  const daysFrom = sealBytes + HEADER_BYTES + COUNT_BYTES
  const rowsFrom = daysFrom + 1 + (days.length / 2) * DAY_BYTES
  const bytes = Buffer.allocUnsafe(rowsFrom + featuresLength + (score?.length ?? 0))
  const flags = (features === null ? ERASED : 0) | (score === null ? 0 : SCORED)
  bytes[sealBytes] = flags | COUNTED | DATED
  bytes.writeUInt32LE(partition, sealBytes + 1)
  bytes.writeDoubleLE(version, sealBytes + 5)
  bytes.writeUInt32LE(featuresLength, sealBytes + 13)
  bytes.writeUInt32LE(row.changes, sealBytes + HEADER_BYTES)
  bytes[daysFrom] = days.length / 2
  for (let day = 0; day < days.length; day += 2) {
    bytes.writeUInt32LE(days[day], daysFrom + 1 + day * 4)
    bytes.writeFloatLE(days[day + 1], daysFrom + 5 + day * 4)
  }
  if (features !== null) bytes.set(features, rowsFrom)
  if (score !== null) bytes.set(score, rowsFrom + featuresLength)
  bytes.writeBigUInt64LE(sealOf(key, bytes.subarray(sealBytes)), 0)
  return bytes
}

/** The row behind a seal that the caller has checked; its buffers are views of `bytes`. */
export function decodeSnapshotRow(bytes: Uint8Array): StoredRow {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  const isCounted = (view[0] & COUNTED) !== 0
  const daysFrom = HEADER_BYTES + (isCounted ? COUNT_BYTES : 0)
  const isDated = (view[0] & DATED) !== 0
  const from = daysFrom + (isDated ? 1 + view[daysFrom] * DAY_BYTES : 0)
  const featuresEnd = from + view.readUInt32LE(13)
  return {
    changes: isCounted ? view.readUInt32LE(HEADER_BYTES) : 0,
    days: isDated ? decodeDays(view, daysFrom) : noScores,
    partition: view.readUInt32LE(1),
    version: view.readDoubleLE(5),
    features: view[0] & ERASED ? null : view.subarray(from, featuresEnd),
    score: view[0] & SCORED ? view.subarray(featuresEnd) : null,
  }
}

function decodeDays(view: Buffer, from: number): DayScores {
  const days: number[] = []
  for (let at = from + 1, left = view[from]; left > 0; left--, at += DAY_BYTES) {
    days.push(view.readUInt32LE(at), view.readFloatLE(at + 4))
  }
  return days
}

/** What a reader gets; null where the customer is unknown or erased. */
export function snapshotOf(customer: string, row: SnapshotRow | null): Snapshot | null {
  if (row === null || row.features === null) return null
  const { partition, version, features, score } = row
  return { customer, partition, version, features, score }
}

/** Memory of a row that waits for the disk, roughly. */
export function rowBytes(customer: string, row: SnapshotRow): number {
  return 100 + customer.length + (row.features?.length ?? 0) + (row.score?.length ?? 0)
}

/** A snapshot as the bytes of a store's value: its seal, what it belongs to, the rows as they are. */
import { sealBytes, sealOf } from '../state/checksum.js'
import { type DayScores, noScores } from './day-scores.js'
import type { Snapshot } from './snapshots.js'
import { decodePlaces, encodePlaces, noPlaces, type Places } from './stored-changes.js'

/** A customer's newest rows, or that they were erased (then `features` is null). */
export interface SnapshotRow {
  readonly partition: number
  /** The commit number that wrote it. */
  readonly version: number
  readonly features: Uint8Array | null
  readonly score: Uint8Array | null
}

/** What is stored beside a customer's newest row, so that nothing else need be read for a write. */
export interface StoredFacts {
  /** How many changes of his there have been. */
  readonly changes: number
  /** Where those are that fill no block yet. */
  readonly open: Places
  readonly days: DayScores
}

export const noFacts: StoredFacts = { changes: 0, open: noPlaces, days: noScores }

/** A row on a disk. */
export interface StoredRow extends SnapshotRow, StoredFacts {}

const HEADER_BYTES = 22
const ERASED = 1
const SCORED = 2
const DAY_BYTES = 8

/**
 * u64 seal, then u8 flags, u32 partition, f64 version, u32 length of the features, u32 changes, u8 how
 * many days and u32 day and f32 score of each, the open places, features, score. In one piece: the rows
 * of a busy engine are copied here once, and no more.
 */
export function sealedSnapshotRow(
  key: Uint8Array,
  { partition, version, features, score }: SnapshotRow,
  { changes, open, days }: StoredFacts,
): Buffer {
  const featuresLength = features?.length ?? 0
  const places = encodePlaces(open)
  const daysFrom = sealBytes + HEADER_BYTES
  const placesFrom = daysFrom + (days.length / 2) * DAY_BYTES
  const rowsFrom = placesFrom + places.length
  const bytes = Buffer.allocUnsafe(rowsFrom + featuresLength + (score?.length ?? 0))
  bytes[sealBytes] = (features === null ? ERASED : 0) | (score === null ? 0 : SCORED)
  bytes.writeUInt32LE(partition, sealBytes + 1)
  bytes.writeDoubleLE(version, sealBytes + 5)
  bytes.writeUInt32LE(featuresLength, sealBytes + 13)
  bytes.writeUInt32LE(changes, sealBytes + 17)
  bytes[sealBytes + 21] = days.length / 2
  for (let day = 0; day < days.length; day += 2) {
    bytes.writeUInt32LE(days[day], daysFrom + day * 4)
    bytes.writeFloatLE(days[day + 1], daysFrom + 4 + day * 4)
  }
  bytes.set(places, placesFrom)
  if (features !== null) bytes.set(features, rowsFrom)
  if (score !== null) bytes.set(score, rowsFrom + featuresLength)
  bytes.writeBigUInt64LE(sealOf(key, bytes.subarray(sealBytes)), 0)
  return bytes
}

/** The row behind a seal that the caller has checked; its buffers are views of `bytes`. */
export function decodeSnapshotRow(bytes: Uint8Array): StoredRow {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  const placesFrom = HEADER_BYTES + view[21] * DAY_BYTES
  const [open, from] = decodePlaces(view, placesFrom)
  const featuresEnd = from + view.readUInt32LE(13)
  return {
    changes: view.readUInt32LE(17),
    open,
    days: decodeDays(view),
    partition: view.readUInt32LE(1),
    version: view.readDoubleLE(5),
    features: view[0] & ERASED ? null : view.subarray(from, featuresEnd),
    score: view[0] & SCORED ? view.subarray(featuresEnd) : null,
  }
}

function decodeDays(view: Buffer): DayScores {
  const days: number[] = []
  for (let at = HEADER_BYTES, left = view[21]; left > 0; left--, at += DAY_BYTES) {
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

/** A snapshot as the bytes of a store's value: its seal, what it belongs to, the rows as they are. */
import { sealBytes, sealOf } from '../state/checksum.js'
import type { DayScores } from './day-scores.js'
import type { Snapshot } from './snapshots.js'
import { ByteWriter } from '../features/byte-writer.js'
import {
  changesIn,
  daysEnd,
  daysFrom,
  type Facts,
  openEnd,
  openFrom,
  type StoredFacts,
} from './facts.js'
import { decodePlaces, writePlaces } from './stored-changes.js'

/** A customer's newest rows, or that they were erased (then `features` is null). */
export interface SnapshotRow {
  readonly partition: number
  /** The commit number that wrote it. */
  readonly version: number
  readonly features: Uint8Array | null
  readonly score: Uint8Array | null
}

/** A row on a disk. */
export interface StoredRow extends SnapshotRow, StoredFacts {}

const HEADER_BYTES = 22
const ERASED = 1
const SCORED = 2
const DAY_BYTES = 8

const writer = new ByteWriter()

/**
 * u64 seal, then u8 flags, u32 partition, f64 version, u32 length of the features, u32 changes, u8 how
 * many days and u32 day and f32 score of each, the open places, features, score. In one piece: the rows
 * of a busy engine are copied here once, and no more. Facts are those at 0.
 */
export function sealedSnapshotRow(
  key: Uint8Array,
  { partition, version, features, score }: SnapshotRow,
  facts: Facts,
): Buffer {
  const featuresLength = features?.length ?? 0
  const [firstDay, endOfDays] = [daysFrom(0), daysEnd(facts, 0)]
  writePlaces(writer, facts, openFrom(0), openEnd(facts, 0))
  const daysAt = sealBytes + HEADER_BYTES
  const placesAt = daysAt + ((endOfDays - firstDay) / 2) * DAY_BYTES
  const rowsAt = placesAt + writer.length
  const bytes = Buffer.allocUnsafe(rowsAt + featuresLength + (score?.length ?? 0))
  bytes[sealBytes] = (features === null ? ERASED : 0) | (score === null ? 0 : SCORED)
  bytes.writeUInt32LE(partition, sealBytes + 1)
  bytes.writeDoubleLE(version, sealBytes + 5)
  bytes.writeUInt32LE(featuresLength, sealBytes + 13)
  bytes.writeUInt32LE(changesIn(facts, 0), sealBytes + 17)
  bytes[sealBytes + 21] = (endOfDays - firstDay) / 2
  for (let day = firstDay, at = daysAt; day < endOfDays; day += 2, at += DAY_BYTES) {
    bytes.writeUInt32LE(facts[day], at)
    bytes.writeFloatLE(facts[day + 1], at + 4)
  }
  writer.takeInto(bytes, placesAt)
  if (features !== null) bytes.set(features, rowsAt)
  if (score !== null) bytes.set(score, rowsAt + featuresLength)
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

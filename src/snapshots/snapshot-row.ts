/** A snapshot as the bytes of a store's value: its seal, what it belongs to, the rows as they are. */
import { sealBytes, sealOf } from '../state/checksum.js'
import type { Snapshot } from './snapshots.js'

/** A customer's newest rows, or that they were erased (then `features` is null). */
export interface SnapshotRow {
  readonly partition: number
  /** The commit number that wrote it. */
  readonly version: number
  readonly features: Uint8Array | null
  readonly score: Uint8Array | null
}

const HEADER_BYTES = 17
const ERASED = 1
const SCORED = 2

/**
 * u64 seal, then u8 flags, u32 partition, f64 version, u32 length of the features, features, score.
 * In one piece: the rows of a busy engine are copied here once, and no more.
 */
export function sealedSnapshotRow(key: Uint8Array, row: SnapshotRow): Buffer {
  const { partition, version, features, score } = row
  const featuresLength = features?.length ?? 0
  const rowsFrom = sealBytes + HEADER_BYTES
  const bytes = Buffer.allocUnsafe(rowsFrom + featuresLength + (score?.length ?? 0))
  bytes[sealBytes] = (features === null ? ERASED : 0) | (score === null ? 0 : SCORED)
  bytes.writeUInt32LE(partition, sealBytes + 1)
  bytes.writeDoubleLE(version, sealBytes + 5)
  bytes.writeUInt32LE(featuresLength, sealBytes + 13)
  if (features !== null) bytes.set(features, rowsFrom)
  if (score !== null) bytes.set(score, rowsFrom + featuresLength)
  bytes.writeBigUInt64LE(sealOf(key, bytes.subarray(sealBytes)), 0)
  return bytes
}

/** The row behind a seal that the caller has checked; its buffers are views of `bytes`. */
export function decodeSnapshotRow(bytes: Uint8Array): SnapshotRow {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  const featuresEnd = HEADER_BYTES + view.readUInt32LE(13)
  return {
    partition: view.readUInt32LE(1),
    version: view.readDoubleLE(5),
    features: view[0] & ERASED ? null : view.subarray(HEADER_BYTES, featuresEnd),
    score: view[0] & SCORED ? view.subarray(featuresEnd) : null,
  }
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

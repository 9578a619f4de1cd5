/** A snapshot as the bytes of a store's value: what it belongs to, then the rows as they are. */
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

/** u8 flags, u32 partition, f64 version, u32 length of the features, features, score. */
export function encodeSnapshotRow({ partition, version, features, score }: SnapshotRow): Buffer {
  const featuresLength = features?.length ?? 0
  const bytes = Buffer.allocUnsafe(HEADER_BYTES + featuresLength + (score?.length ?? 0))
  bytes[0] = (features === null ? ERASED : 0) | (score === null ? 0 : SCORED)
  bytes.writeUInt32LE(partition, 1)
  bytes.writeDoubleLE(version, 5)
  bytes.writeUInt32LE(featuresLength, 13)
  if (features !== null) bytes.set(features, HEADER_BYTES)
  if (score !== null) bytes.set(score, HEADER_BYTES + featuresLength)
  return bytes
}

/** The row; its buffers are views of `bytes`, whose seal the caller has checked. */
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

/** What every emitted row begins with: where it comes from. */
import { RowReader } from './row-reader.js'

const registryHeaderBytes = 5

/** Of the coordinates those that differ from row to row of a partition. */
export interface RowHead {
  /** Exclusive. */
  readonly endOffset: number
  /** ms UTC. */
  readonly asOf: number
  readonly commit: number
}

/**
 * Opens a feature row or a score and reads its coordinates; what follows them is next.
 *
 * @throws RangeError where the bytes end before that
 */
export function openRow(row: RowReader, bytes: Uint8Array): RowHead {
  row.open(bytes, registryHeaderBytes)
  // The customer, the input topic and the partition.
  row.skipString()
  row.skipString()
  row.long()
  return { endOffset: row.long(), asOf: row.long(), commit: row.long() }
}

/**
 * The commit that a feature row or score names, without decoding the rest of it: whoever walks an
 * output topic commit by commit needs no more of most rows. null where the bytes end before it.
 *
 * @example commitOf(rows.features(featureRows, 0)) // 17
 */
export function commitOf(bytes: Uint8Array): number | null {
  try {
    return openRow(new RowReader(), bytes).commit
  } catch (error) {
    if (error instanceof RangeError) return null
    throw error
  }
}

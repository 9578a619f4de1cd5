/**
 * The commit number of an emitted row without decoding the rest of it: whoever walks an output
 * topic commit by commit needs no more of most rows.
 */
import { RowReader } from './row-reader.js'

/** Bytes of the registry header. */
const headerBytes = 5

/**
 * The commit that a feature row or score names; null where the bytes end before it.
 *
 * @example commitOf(rows.features(featureRows, 0)) // 17
 */
export function commitOf(bytes: Uint8Array): number | null {
  const row = new RowReader()
  row.open(bytes, headerBytes)
  try {
    // The customer and the input topic, both strings.
    for (let skipped = 0; skipped < 2; skipped++) {
      if (row.skipString() < 0) return null
    }
    // Partition, end offset and instant come before it.
    for (let skipped = 0; skipped < 3; skipped++) row.long()
    return row.long()
  } catch (error) {
    if (error instanceof RangeError) return null
    throw error
  }
}

/**
 * The commit number of an emitted row without decoding the rest of it: whoever walks an output
 * topic commit by commit needs no more of most rows.
 */

/** Bytes of the registry header. */
const headerBytes = 5

/**
 * The commit that a feature row or score names; null where the bytes end before it.
 *
 * @example commitOf(rows.features(featureRows, 0)) // 17
 */
export function commitOf(bytes: Uint8Array): number | null {
  const at = { bytes, place: headerBytes }
  // The customer and the input topic, both strings.
  for (let skipped = 0; skipped < 2; skipped++) {
    const length = long(at)
    if (length === null || length < 0) return null
    at.place += length
  }
  // Partition, end offset and instant come before it.
  for (let skipped = 0; skipped < 3; skipped++) {
    if (long(at) === null) return null
  }
  return long(at)
}

/** An Avro long up to ±(2^53 − 1): zigzag, seven bits a byte, the lowest first. */
function long(at: { readonly bytes: Uint8Array; place: number }): number | null {
  let value = 0
  let scale = 1
  for (let count = 0; count < 8; count++) {
    if (at.place >= at.bytes.length) return null
    const byte = at.bytes[at.place++]
    value += (byte & 127) * scale
    if (byte < 128) return value % 2 === 0 ? value / 2 : -(value + 1) / 2
    scale *= 128
  }
  return null
}

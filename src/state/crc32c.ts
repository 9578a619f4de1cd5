/**
 * CRC-32C (Castagnoli), by which LevelDB checks its blocks; slicing by eight, about 0.6 GB/s on a
 * core. Node's `zlib.crc32` is another polynomial.
 */
const POLYNOMIAL = 0x82f63b78

const tables = makeTables()
const [T0, T1, T2, T3, T4, T5, T6, T7] = tables as [
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
]

/** @example crc32c(Buffer.from('123456789')).toString(16) // 'e3069283' */
export function crc32c(bytes: Uint8Array): number {
  const end = bytes.length
  let crc = -1
  let at = 0
  for (; at + 8 <= end; at += 8) {
    crc ^= bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24)
    crc =
      T7[crc & 255] ^
      T6[(crc >>> 8) & 255] ^
      T5[(crc >>> 16) & 255] ^
      T4[crc >>> 24] ^
      T3[bytes[at + 4]] ^
      T2[bytes[at + 5]] ^
      T1[bytes[at + 6]] ^
      T0[bytes[at + 7]]
  }
  for (; at < end; at += 1) crc = (crc >>> 8) ^ T0[(crc ^ bytes[at]) & 255]
  return ~crc >>> 0
}

function makeTables(): Int32Array[] {
  const first = Int32Array.from({ length: 256 }, (_, byte) => {
    let crc = byte
    for (let bit = 0; bit < 8; bit += 1) crc = crc & 1 ? (crc >>> 1) ^ POLYNOMIAL : crc >>> 1
    return crc
  })
  const all = [first]
  for (let index = 1; index < 8; index += 1) {
    const before = all[index - 1]
    all.push(before.map((crc) => (crc >>> 8) ^ first[crc & 255]))
  }
  return all
}

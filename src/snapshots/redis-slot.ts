/** How a Redis cluster shares keys out: CRC-16 (XMODEM) of the key, or of its hash tag. */

export const slotCount = 16_384

const table = Uint16Array.from({ length: 256 }, (_, byte) => {
  let crc = byte << 8
  for (let bit = 0; bit < 8; bit++) crc = crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1
  return crc & 0xffff
})

/**
 * The slot of a key, as the cluster specification has it.
 *
 * @example slotOf('foo') // 12182
 */
export function slotOf(key: string): number {
  let crc = 0
  for (const byte of Buffer.from(hashed(key))) {
    crc = ((crc << 8) ^ table[((crc >> 8) ^ byte) & 0xff]) & 0xffff
  }
  return crc % slotCount
}

/** What stands between the first brace and the next closing one, unless that is nothing. */
function hashed(key: string): string {
  const open = key.indexOf('{')
  const close = open < 0 ? -1 : key.indexOf('}', open + 1)
  return close > open + 1 ? key.slice(open + 1, close) : key
}

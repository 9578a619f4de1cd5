/**
 * Decodes Snappy's raw format (google/snappy, format_description.txt), which LevelDB uses for its
 * blocks. The bytes are believed: their CRC has been checked.
 */
export function snappyDecoded(bytes: Buffer): Buffer {
  let at = 0
  let length = 0
  for (let shift = 0; ; shift += 7) {
    const byte = bytes[at++]
    length |= (byte & 0x7f) << shift
    if (byte < 0x80) break
  }
  const decoded = Buffer.allocUnsafe(length)
  let to = 0
  while (at < bytes.length) {
    const tag = bytes[at++]
    if ((tag & 3) === 0) {
      let size = (tag >> 2) + 1
      if (size > 60) {
        const sizeBytes = size - 60
        size = bytes.readUIntLE(at, sizeBytes) + 1
        at += sizeBytes
      }
      to += bytes.copy(decoded, to, at, at + size)
      at += size
      continue
    }
    const isShort = (tag & 3) === 1
    const offsetBytes = (tag & 3) === 2 ? 2 : 4
    const size = isShort ? ((tag >> 2) & 7) + 4 : (tag >> 2) + 1
    const back = isShort ? ((tag >> 5) << 8) | bytes[at] : bytes.readUIntLE(at, offsetBytes)
    at += isShort ? 1 : offsetBytes
    // Byte by byte: what is copied may be what this very copy has just written.
    for (let index = 0; index < size; index += 1, to += 1) decoded[to] = decoded[to - back]
  }
  return decoded
}

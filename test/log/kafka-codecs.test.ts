import { expect, test } from 'vitest'
import { unpacked } from '../../src/log/kafka-codecs.js'

test.each([
  [1, 'gzip'],
  [2, 'snappy'],
  [3, 'lz4'],
  [4, 'zstd'],
])('what codec %d cannot unpack is damage, told with its place', async (codec, name) => {
  const reading = unpacked(codec, Buffer.from('no such thing'), 'events partition 3 at offset 7')
  await expect(reading).rejects.toMatchObject({ code: 'LOG_DAMAGED', exit: 74 })
  await expect(reading).rejects.toThrow(
    `events partition 3 at offset 7: what is compressed with ${name} cannot be unpacked`,
  )
})

test('a codec that nobody knows is said to be missing', async () => {
  const reading = unpacked(6, Buffer.alloc(1), 'events partition 0 at offset 1')
  await expect(reading).rejects.toMatchObject({ code: 'CODEC_MISSING', exit: 78 })
})

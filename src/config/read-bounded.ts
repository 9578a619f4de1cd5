import { open } from 'node:fs/promises'

/**
 * The bytes of a file, or null where it has more than `bytesMax`: no more than that is read of a
 * device that never ends.
 *
 * @throws what the system says, with its `code`
 */
export async function readBounded(path: string, bytesMax: number): Promise<Buffer | null> {
  const file = await open(path)
  try {
    const bytes = Buffer.alloc(bytesMax + 1)
    let length = 0
    for (;;) {
      const { bytesRead } = await file.read(bytes, length, bytes.length - length)
      length += bytesRead
      if (length > bytesMax) return null
      if (bytesRead === 0) return bytes.subarray(0, length)
    }
  } finally {
    await file.close()
  }
}

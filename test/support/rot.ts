/** Harms files as disks, power cuts and people do; every harm is drawn from a seed. */
import { cp, open, readFile, readdir, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Random } from './random.js'

/** Files of LevelDB whose bytes matter; LOG and LOCK are for people. */
async function dataFiles(directory: string): Promise<string[]> {
  const names = (await readdir(directory)).sort()
  return names.filter((name) => /\.(ldb|log)$|^MANIFEST|^CURRENT$/.test(name))
}

/** Copies a closed database. */
export async function copyOf(directory: string, target: string): Promise<void> {
  await rm(target, { recursive: true, force: true })
  await cp(directory, target, { recursive: true })
}

/** Does one harm to one file of a closed database, and says which. */
export async function harm(directory: string, random: Random): Promise<string> {
  const names = await dataFiles(directory)
  const sizes = await Promise.all(
    names.map(async (name) => (await stat(join(directory, name))).size),
  )
  // By size, as rot strikes, or any file alike: the small ones matter as much.
  let at = random.below(sizes.reduce((sum, size) => sum + size, 0))
  const bySize = sizes.findIndex((size) => (at -= size) < 0)
  const index = random.below(2) === 0 ? bySize : random.below(names.length)
  const name = names[index]
  const path = join(directory, name)
  const size = sizes[index]
  const offset = random.below(Math.max(size, 1))
  switch (random.below(8)) {
    case 0:
      await rm(path)
      return `${name} removed`
    case 1:
      await truncate(path, offset)
      return `${name} cut at ${offset} of ${size}`
    case 2:
      await overwrite(path, offset, Buffer.alloc(Math.min(4096, size - offset)))
      return `${name} zeroed at ${offset} of ${size}`
    default: {
      const bytes = await readFile(path)
      if (size > 0) bytes[offset] ^= 1 << random.below(8)
      await writeFile(path, bytes)
      return `${name} flipped at ${offset} of ${size}`
    }
  }
}

/** Flips a bit in the middle of the largest table of a database, which may be open. */
export async function flipInTable(directory: string): Promise<void> {
  const names = (await readdir(directory)).filter((name) => name.endsWith('.ldb'))
  const sizes = await Promise.all(
    names.map(async (name) => [(await stat(join(directory, name))).size, name] as const),
  )
  const [size, name] = sizes.reduce((largest, each) => (each[0] > largest[0] ? each : largest))
  const path = join(directory, name)
  const at = Math.floor(size / 2)
  const byte = (await readFile(path))[at]
  await overwrite(path, at, Buffer.from([byte ^ 1]))
}

async function overwrite(path: string, offset: number, bytes: Buffer): Promise<void> {
  const file = await open(path, 'r+')
  try {
    await file.write(bytes, 0, bytes.length, offset)
  } finally {
    await file.close()
  }
}

/**
 * A copy of a database that is open and not being written to: its tables by links, which cost
 * nothing and which LevelDB never changes, the rest by their bytes.
 *
 * Compaction may go on meanwhile. It tells the manifest first what tables make up the database, and
 * removes the others then; so a copy that was made while the manifest stayed the same is whole.
 */
import { copyFile, link, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'

const ATTEMPTS_MAX = 100
const PAUSE_MS = 20

/** Where the copies of a database lie, beside it; `number` tells them apart. */
export const copyPath = (location: string, number: number | ''): string =>
  `${location}.view-${number}`

interface Manifest {
  readonly name: string
  readonly bytes: Buffer
}

/** Raises what the system raises; `directory` is then to be removed. */
export async function copyDatabase(location: string, directory: string): Promise<void> {
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
    if (attempt > 0) await pause(PAUSE_MS)
    await rm(directory, { recursive: true, force: true })
    await mkdir(directory)
    const before = await manifestOf(location)
    await copyFiles(location, directory)
    await writeFile(join(directory, before.name), before.bytes)
    await writeFile(join(directory, 'CURRENT'), `${before.name}\n`)
    const after = await manifestOf(location)
    if (after.name === before.name && after.bytes.equals(before.bytes)) return
  }
  throw new Error(`${location} was compacted over and over while it was being copied`)
}

async function manifestOf(location: string): Promise<Manifest> {
  const name = (await readFile(join(location, 'CURRENT'), 'utf8')).trim()
  return { name, bytes: await readFile(join(location, name)) }
}

async function copyFiles(location: string, directory: string): Promise<void> {
  for (const name of await readdir(location)) {
    const [from, to] = [join(location, name), join(directory, name)]
    if (/\.(ldb|sst)$/.test(name)) await unlessGone(linkOrCopy(from, to))
    else if (name.endsWith('.log')) await unlessGone(copyFile(from, to))
  }
}

/** Some file systems know no links. */
async function linkOrCopy(from: string, to: string): Promise<void> {
  await link(from, to).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') throw error
    return copyFile(from, to)
  })
}

async function unlessGone(copying: Promise<void>): Promise<void> {
  await copying.catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error
  })
}

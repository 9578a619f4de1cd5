/**
 * One process a data directory: a file named `lock` that holds the owner's pid.
 *
 * The file appears complete or not at all (it is linked into place), and a dead owner's is taken
 * over. A pid alone would lie: another process may have it by now, and in a container everybody is
 * pid 1; so the lock also holds when its owner was started. Processes that cannot see each other
 * (two containers, one volume) are told apart by LevelDB's own lock.
 */
import { randomUUID } from 'node:crypto'
import { link, readFile, rename, unlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { configurationError } from '../errors.js'

interface Owner {
  readonly pid: number
  /** Clock ticks since boot when the process was started; null where that cannot be known. */
  readonly started: string | null
  readonly id: string
}

/** Two that take over at once may have to try again; a living owner ends the trying. */
const ATTEMPTS_MAX = 20

/**
 * Takes the lock and returns how to give it back.
 *
 * @throws TidemarkError DIRECTORY_LOCKED (78) naming the pid that has it
 */
export async function takeLock(directory: string): Promise<() => Promise<void>> {
  const path = join(directory, 'lock')
  const mine: Owner = {
    pid: process.pid,
    started: await startOf(process.pid),
    id: randomUUID(),
  }
  const draft = `${path}.${mine.id}`
  await writeFile(draft, `${JSON.stringify(mine)}\n`)
  try {
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt += 1) {
      if (await linked(draft, path)) return () => release(path, mine)
      const owner = await readOwner(path)
      if (owner !== null && (await isAlive(owner))) throw locked(directory, owner.pid)
      await removeStale(path, owner)
    }
    throw locked(directory, (await readOwner(path))?.pid ?? 0)
  } finally {
    await unlink(draft)
  }
}

function locked(directory: string, pid: number): Error {
  return configurationError(
    'DIRECTORY_LOCKED',
    `data directory ${directory} is locked by pid ${pid}; stop that process or use another --data`,
  )
}

async function linked(draft: string, path: string): Promise<boolean> {
  try {
    await link(draft, path)
    return true
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false
    throw error
  }
}

/** Null where there is no lock, or one that no process of ours wrote. */
async function readOwner(path: string): Promise<Owner | null> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as Owner
  } catch (error) {
    if (codeOf(error) === 'ENOENT' || error instanceof SyntaxError) return null
    throw error
  }
}

async function isAlive({ pid, started }: Owner): Promise<boolean> {
  try {
    process.kill(pid, 0)
  } catch (error) {
    // EPERM: it is there, and somebody else's.
    if (codeOf(error) !== 'EPERM') return false
  }
  const startedNow = await startOf(pid)
  return started === null || startedNow === null || started === startedNow
}

/** Moves the stale lock away. If it was a new owner's by then, it is put back. */
async function removeStale(path: string, stale: Owner | null): Promise<void> {
  const aside = `${path}.${randomUUID()}`
  try {
    await rename(path, aside)
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return
    throw error
  }
  const moved = await readOwner(aside)
  if (moved !== null && moved.id !== stale?.id) await linked(aside, path)
  await unlink(aside)
}

async function release(path: string, mine: Owner): Promise<void> {
  const owner = await readOwner(path)
  if (owner?.id === mine.id) await unlink(path)
}

/** Field 22 of /proc/<pid>/stat; null where there is no such file. */
async function startOf(pid: number): Promise<string | null> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8')
    // The second field is the name in parentheses, which may hold spaces and parentheses itself.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? null
  } catch {
    return null
  }
}

function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException).code
}

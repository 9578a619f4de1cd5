/**
 * One process a data directory: a file named `lock` that holds the owner's pid.
 *
 * The file appears complete or not at all (it is linked into place). A dead owner's is taken over by
 * the one who can link a claim that is named after it: then nobody else may replace it. A pid alone
 * would lie: another process may have it by now, and in a container everybody is pid 1; so the lock
 * also says when its owner was started. Processes that cannot see each other (two containers, one
 * volume) are told apart by LevelDB's own lock.
 */
import { randomUUID } from 'node:crypto'
import { link, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { configurationError } from '../errors.js'

interface Owner {
  readonly pid: number
  /** Clock ticks since boot when the process was started; null where that cannot be known. */
  readonly started: string | null
  readonly id: string
}

/**
 * Takes the lock and returns how to give it back.
 *
 * @throws TidemarkError DIRECTORY_LOCKED (78) naming the pid that has it
 */
export async function takeLock(directory: string): Promise<() => Promise<void>> {
  const path = join(directory, 'lock')
  const started = await startOf(process.pid)
  const mine: Owner = { pid: process.pid, started, id: randomUUID() }
  const draft = `${path}.${mine.id}.new`
  await writeFile(draft, `${JSON.stringify(mine)}\n`)
  try {
    while (!(await linked(draft, path))) {
      const owner = await readOwner(path)
      // Given back just now.
      if (owner === null) continue
      if (await isAlive(owner)) throw locked(directory, owner.pid)
      if (await takeOver(directory, path, draft, owner)) break
    }
    return () => release(path, mine)
  } finally {
    await rm(draft, { force: true })
  }
}

/** Puts the draft in the place of a dead owner's lock; false where another one was faster. */
async function takeOver(
  directory: string,
  path: string,
  draft: string,
  dead: Owner,
): Promise<boolean> {
  const claims: string[] = []
  for (let owner = dead; ;) {
    const claim = `${path}.${owner.id}`
    claims.push(claim)
    if (await linked(draft, claim)) break
    const claimant = await readOwner(claim)
    if (claimant === null) return false
    if (await isAlive(claimant)) throw locked(directory, claimant.pid)
    // Who took over died while doing so: his claim is taken over in turn.
    owner = claimant
  }
  const isStillDead = (await readOwner(path))?.id === dead.id
  if (isStillDead) await rename(draft, path)
  // Behind the rename: who comes late wins a claim again, and finds another lock in place.
  for (const claim of claims.toReversed()) await rm(claim, { force: true })
  return isStillDead
}

function locked(directory: string, pid: number): Error {
  return configurationError(
    'DIRECTORY_LOCKED',
    `data directory ${directory} is locked by pid ${pid}; wait for that process, stop it, or use another --data`,
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

/** Null where there is no such file; an owner that is dead for sure where it makes no sense. */
async function readOwner(path: string): Promise<Owner | null> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return null
    throw error
  }
  try {
    const { pid, started, id } = JSON.parse(text) as Owner
    if (Number.isInteger(pid) && pid > 0 && /^[\w-]+$/.test(id)) return { pid, started, id }
  } catch {
    // No process of ours wrote it.
  }
  return { pid: 0, started: null, id: 'unreadable' }
}

async function isAlive({ pid, started }: Owner): Promise<boolean> {
  if (pid === 0) return false
  try {
    process.kill(pid, 0)
  } catch (error) {
    // EPERM: it is there, and somebody else's.
    if (codeOf(error) !== 'EPERM') return false
  }
  const startedNow = await startOf(pid)
  return started === null || startedNow === null || started === startedNow
}

async function release(path: string, mine: Owner): Promise<void> {
  const owner = await readOwner(path)
  if (owner?.id === mine.id) await rm(path, { force: true })
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

/**
 * Where the socket of the process that has a data directory open lies: `DATA/owner.sock`.
 *
 * The name of a socket has 107 bytes at most (103 on macOS). Where the directory's is too long for
 * that, or its file system has no sockets, `owner.sock` is a link to a socket in a folder of its own
 * below the temporary one. Only who holds the directory's lock makes or removes either.
 */
import { lstat, mkdtemp, readlink, realpath, rm, rmdir, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import type { EmbeddedLog } from '../log/embedded-log.js'
import { ownerForbidden } from '../log/shared-connection.js'
import { LogServer, type LogServerOptions } from '../log/shared-server.js'
import { closeAll } from './with-end.js'

const socketName = 'owner.sock'
const folderPrefix = 'tidemark-owner-'
const pathBytesMax = 103

/**
 * Serves the log and histories to reading commands until what it returns is called. Where that is impossible it
 * only warns: the owner's own work does not need it. To be called with the lock held.
 */
export async function shareLog(
  directory: string,
  log: EmbeddedLog,
  warn: (text: string) => void,
  answers: Pick<LogServerOptions, 'history' | 'takeOver'>,
): Promise<() => Promise<void>> {
  const path = join(directory, socketName)
  const onFault = (error: unknown) => warn(`serving a reading command failed: ${reasonOf(error)}`)
  try {
    await removeStale(path)
    return await listenAt(path, log, { onFault, ...answers })
  } catch (error) {
    warn(`reading commands will find the directory locked: ${reasonOf(error)}`)
    return async () => undefined
  }
}

/**
 * The path at which the owner of the directory may be listening; null where there is none.
 *
 * @throws TidemarkError FILE_FORBIDDEN (74) where the socket is not of who made the directory's link
 */
export async function findSocket(directory: string): Promise<string | null> {
  const path = join(directory, socketName)
  const found = await statOf(path)
  if (found === null) return null
  if (found.isSocket()) return shortest(path)
  if (!found.isSymbolicLink()) return null
  const target = await readlink(path)
  const socket = await statOf(target)
  if (socket === null) return null
  // Anybody may make files in the temporary folder, and this one may have been left by the dead.
  if (socket.uid !== found.uid) throw ownerForbidden(target)
  return target
}

async function listenAt(
  path: string,
  log: EmbeddedLog,
  options: LogServerOptions,
): Promise<() => Promise<void>> {
  if (fits(path)) {
    const server = await LogServer.listen(log, path, options).catch(nullWhereImpossible)
    if (server !== null) return () => server.close()
  }
  const folder = await mkdtemp(join(fits(inFolder(tmpdir())) ? tmpdir() : '/tmp', folderPrefix))
  const closing = [() => rmdir(folder)]
  try {
    const target = join(folder, socketName)
    const server = await LogServer.listen(log, target, options)
    closing.push(() => server.close())
    await symlink(target, path)
    closing.push(() => rm(path, { force: true }))
    return () => closeAll(closing)
  } catch (error) {
    await closeAll(closing).catch(() => undefined)
    throw error
  }
}

/** Takes away what a dead owner has left, and nothing that no owner can have made. */
async function removeStale(path: string): Promise<void> {
  const found = await statOf(path)
  if (found === null) return
  if (found.isSymbolicLink()) {
    const target = await readlink(path)
    await rm(path)
    if (!basename(dirname(target)).startsWith(folderPrefix)) return
    await rm(target, { force: true }).catch(() => undefined)
    await rmdir(dirname(target)).catch(() => undefined)
  } else if (found.isSocket()) {
    await rm(path)
  } else {
    throw new Error(`${path} is in the way, and is no socket`)
  }
}

function fits(path: string): boolean {
  return Buffer.byteLength(path) <= pathBytesMax
}

/** As long as the path of a socket below `parent` is going to be. */
function inFolder(parent: string): string {
  return join(parent, `${folderPrefix}XXXXXX`, socketName)
}

/** The directory may have been named by a longer path than its own. */
async function shortest(path: string): Promise<string | null> {
  if (fits(path)) return path
  const real = await realpath(path)
  return fits(real) ? real : null
}

async function statOf(path: string) {
  return lstat(path).catch((error: unknown) => {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR') return null
    throw error
  })
}

/** What systems say of a file system that has no sockets. */
function nullWhereImpossible(error: unknown): null {
  const { code = '' } = error as NodeJS.ErrnoException
  if (['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'EINVAL', 'ENOSYS'].includes(code)) return null
  throw error
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

/** Whether a data directory lies where locks and syncs hold. */
import { statfs } from 'node:fs/promises'
import { configurationError } from '../errors.js'

/** Linux's numbers of file systems that are somebody else's disk. */
const NETWORK = new Map([
  [0x6969, 'NFS'],
  [0x517b, 'SMB'],
  [0xff534d42, 'SMB (CIFS)'],
  [0xfe534d42, 'SMB 2'],
])
const FUSE = 0x65735546

/** The number by which Linux knows the file system of a path. */
export async function fileSystemType(path: string): Promise<number> {
  return (await statfs(path)).type
}

/**
 * Refuses network file systems and warns of FUSE, which may be one.
 *
 * @throws TidemarkError NETWORK_FILESYSTEM (78)
 */
export async function checkFileSystem(
  path: string,
  warn: (text: string) => void,
  typeOf: (path: string) => Promise<number> = fileSystemType,
): Promise<void> {
  // Elsewhere the numbers mean something else.
  if (process.platform !== 'linux') return
  const type = (await typeOf(path)) >>> 0
  const network = NETWORK.get(type)
  if (network !== undefined) {
    throw configurationError(
      'NETWORK_FILESYSTEM',
      `data directory ${path} is on ${network}: locks and syncs do not hold there; use a local disk`,
    )
  }
  if (type === FUSE) warn(`${path} is on FUSE: make sure that fsync reaches a local disk`)
}

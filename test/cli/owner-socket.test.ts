/** Where the owner of a data directory listens, and what may lie there. */
import {
  chown,
  lstat,
  mkdir,
  mkdtemp,
  readFile,
  readlink,
  rename,
  symlink,
  writeFile,
} from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { openData } from '../../src/cli/open-data.js'
import { findSocket, shareLog } from '../../src/cli/owner-socket.js'
import { EmbeddedLog } from '../../src/log/embedded-log.js'
import { SharedLog } from '../../src/log/shared-log.js'
import { tempFolder } from '../support/temp-folder.js'

async function openLog(): Promise<EmbeddedLog> {
  const log = await EmbeddedLog.open(join(await tempFolder(), 'log'))
  onTestFinished(() => log.close())
  return log
}

/** Shares the log in `directory` until the test ends, and tells how to stop before. */
async function shared(directory: string, log: EmbeddedLog) {
  const warnings: string[] = []
  const end = await shareLog(directory, log, (text) => warnings.push(text), {
    history: async () => null,
  })
  onTestFinished(end)
  return { warnings, end }
}

async function foundLog(directory: string): Promise<SharedLog | null> {
  const path = await findSocket(directory)
  const log = path === null ? null : await SharedLog.open(path)
  if (log !== null) onTestFinished(() => log.close())
  return log
}

/** A socket at `path` to which nobody listens any more. */
async function leaveSocket(path: string): Promise<void> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(`${path}.new`, resolve))
  await rename(`${path}.new`, path)
  await new Promise((resolve) => server.close(resolve))
}

const missing = { code: 'ENOENT' }

test('the owner listens in the directory, and takes its socket away', async () => {
  const directory = await tempFolder()
  expect(await findSocket(directory)).toBeNull()
  const log = await openLog()
  const { warnings, end } = await shared(directory, log)
  expect((await foundLog(directory))!.id).toBe(log.id)
  expect((await lstat(join(directory, 'owner.sock'))).isSocket()).toBe(true)
  await end()
  expect(await foundLog(directory)).toBeNull()
  await expect(lstat(join(directory, 'owner.sock'))).rejects.toMatchObject(missing)
  expect(warnings).toEqual([])
})

test('a directory with a long name has a link to a folder that only its user can enter', async () => {
  const directory = join(await tempFolder(), 'a'.repeat(120))
  await mkdir(directory)
  const log = await openLog()
  const { warnings, end } = await shared(directory, log)
  expect((await foundLog(directory))!.id).toBe(log.id)
  const target = await readlink(join(directory, 'owner.sock'))
  expect((await lstat(dirname(target))).mode & 0o777).toBe(0o700)
  await end()
  await expect(lstat(dirname(target))).rejects.toMatchObject(missing)
  await expect(lstat(join(directory, 'owner.sock'))).rejects.toMatchObject(missing)
  expect(warnings).toEqual([])
})

test('what a dead owner has left is nobody, and is taken over', async () => {
  const directory = await tempFolder()
  await leaveSocket(join(directory, 'owner.sock'))
  expect(await foundLog(directory)).toBeNull()
  const log = await openLog()
  const { end } = await shared(directory, log)
  expect((await foundLog(directory))!.id).toBe(log.id)
  await end()

  const folder = await mkdtemp(join(tmpdir(), 'tidemark-owner-'))
  await leaveSocket(join(folder, 'owner.sock'))
  await symlink(join(folder, 'owner.sock'), join(directory, 'owner.sock'))
  expect(await foundLog(directory)).toBeNull()
  await shared(directory, log)
  expect((await foundLog(directory))!.id).toBe(log.id)
  await expect(lstat(folder)).rejects.toMatchObject(missing)
})

test('a link that leads nowhere is nobody', async () => {
  const directory = await tempFolder()
  await symlink(join(directory, 'gone', 'owner.sock'), join(directory, 'owner.sock'))
  expect(await foundLog(directory)).toBeNull()
})

test('a file in the way is kept, and the owner goes on without being asked', async () => {
  const directory = await tempFolder()
  await writeFile(join(directory, 'owner.sock'), 'somebody else’s')
  const { warnings, end } = await shared(directory, await openLog())
  expect(warnings).toEqual([
    expect.stringMatching(/find the directory locked: .*owner\.sock is in the way/),
  ])
  expect(await foundLog(directory)).toBeNull()
  await end()
  expect(await readFile(join(directory, 'owner.sock'), 'utf8')).toBe('somebody else’s')
})

// Only root can make another user's files.
test.runIf(process.getuid?.() === 0)('a socket of another user is not believed', async () => {
  const directory = await tempFolder()
  const folder = await tempFolder()
  await leaveSocket(join(folder, 'owner.sock'))
  await chown(join(folder, 'owner.sock'), 12345, 12345)
  await symlink(join(folder, 'owner.sock'), join(directory, 'owner.sock'))
  await expect(findSocket(directory)).rejects.toMatchObject({ code: 'FILE_FORBIDDEN', exit: 74 })
})

test('an owner that has no snapshots open tells who asks for a history to try again', async () => {
  const directory = await tempFolder()
  const data = await openData(directory, {
    app: 'churn',
    cwd: directory,
    timeBase: async () => ({ kind: 'none' }),
    share: () => undefined,
  })
  onTestFinished(() => data.close())
  const notReady = { code: 'OWNER_NOT_READY', exit: 75 }
  await expect((await foundLog(directory))!.history('c1')).rejects.toMatchObject(notReady)
})

import { spawnSync } from 'node:child_process'
import { mkdir, readFile, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { dataOwner, lockDirectory, ownDirectory } from '../../src/cli/data-directory.js'
import { tempFolder } from '../support/temp-folder.js'

const app = {
  name: 'churn',
  declaration: { features: ['a'] },
  engine: { appHash: 'ab'.repeat(32) },
}

test('a data directory is made when it is locked, and remembers what owns it', async () => {
  const path = join(await tempFolder(), 'deep', 'data')
  expect(await dataOwner(path)).toBeNull()
  const unlock = await lockDirectory(path)
  expect(await dataOwner(path)).toBeNull()
  await ownDirectory(path, app, 'churn')
  await ownDirectory(path, app, '/elsewhere/now')
  expect(await dataOwner(path)).toEqual({
    app: 'churn',
    reference: 'churn',
    appHash: app.engine.appHash,
    declaration: app.declaration,
  })
  await unlock()
  expect(await readdir(path)).toEqual(['app.json'])
})

test('another app, and another declaration with what differs, are refused', async () => {
  const path = await tempFolder()
  await ownDirectory(path, app, 'churn')
  await expect(ownDirectory(path, { ...app, name: 'other' }, 'other')).rejects.toMatchObject({
    code: 'APP_MISMATCH',
    exit: 78,
    message: expect.stringContaining('is of app churn, not of other') as unknown,
  })
  const changed = { name: 'churn', declaration: { features: ['b'] }, engine: { appHash: 'cd' } }
  await expect(ownDirectory(path, changed, 'churn')).rejects.toMatchObject({
    code: 'APP_HASH_MISMATCH',
    exit: 78,
    message: expect.stringMatching(/another --data[^]*\n {2}.*"a".*"b"/) as unknown,
  })
})

test('a second opener is told the pid of the first', async () => {
  const path = await tempFolder()
  const unlock = await lockDirectory(path)
  await expect(lockDirectory(path)).rejects.toMatchObject({
    code: 'DIRECTORY_LOCKED',
    exit: 78,
    message: expect.stringContaining(`locked by pid ${process.pid}`) as unknown,
  })
  await unlock()
  await (
    await lockDirectory(path)
  )()
})

test('the lock of a dead process, of a pid used again, and one without sense are taken over', async () => {
  const path = await tempFolder()
  const { pid } = spawnSync('true')
  const stale = [
    JSON.stringify({ pid, started: '1', id: 'x' }),
    JSON.stringify({ pid: process.pid, started: '1', id: 'x' }),
    'not a lock',
    '',
  ]
  for (const text of stale) {
    await writeFile(join(path, 'lock'), text)
    const unlock = await lockDirectory(path)
    const owner = JSON.parse(await readFile(join(path, 'lock'), 'utf8')) as unknown
    expect(owner).toMatchObject({ pid: process.pid })
    await unlock()
  }
  expect(await readdir(path)).toEqual([])
})

test('of many that find a stale lock at once, one gets it', async () => {
  const path = await tempFolder()
  await writeFile(join(path, 'lock'), JSON.stringify({ pid: 2 ** 22 + 1, started: '1', id: 'x' }))
  const tries = await Promise.allSettled(Array.from({ length: 10 }, () => lockDirectory(path)))
  expect(tries.filter((it) => it.status === 'fulfilled')).toHaveLength(1)
})

test('a lock whose next owner died while taking it over is taken over', async () => {
  const path = await tempFolder()
  await writeFile(join(path, 'lock'), JSON.stringify({ pid: 2 ** 22 + 1, started: '1', id: 'x' }))
  await writeFile(join(path, 'lock.x'), JSON.stringify({ pid: 2 ** 22 + 2, started: '1', id: 'y' }))
  const unlock = await lockDirectory(path)
  await expect(lockDirectory(path)).rejects.toMatchObject({ code: 'DIRECTORY_LOCKED' })
  await unlock()
  expect(await readdir(path)).toEqual([])
})

test('a lock that another process took over meanwhile is not given back', async () => {
  const path = await tempFolder()
  const unlock = await lockDirectory(path)
  await writeFile(join(path, 'lock'), JSON.stringify({ pid: 1, started: null, id: 'other' }))
  await unlock()
  expect(await readdir(path)).toEqual(['lock'])
})

test('a directory that cannot be made or read is said to be not usable', async () => {
  const path = await tempFolder()
  await writeFile(join(path, 'file'), '')
  const failure = { code: 'DATA_NOT_WRITABLE', exit: 74 }
  await expect(lockDirectory(join(path, 'file', 'data'))).rejects.toMatchObject(failure)
  await expect(dataOwner(join(path, 'file', 'data'))).rejects.toMatchObject(failure)
})

test("somebody else's folder is left alone", async () => {
  const path = await tempFolder()
  await mkdir(join(path, 'Documents'))
  await expect(lockDirectory(path)).rejects.toMatchObject({ code: 'DATA_FOREIGN', exit: 78 })
  expect(await readdir(path)).toEqual(['Documents'])
})

test('an app.json that makes no sense is damage', async () => {
  const path = await tempFolder()
  for (const text of ['{', 'null', '{"app":"churn"}', '']) {
    await writeFile(join(path, 'app.json'), text)
    const failure = { code: 'DATA_DAMAGED', exit: 74 }
    await expect(dataOwner(path)).rejects.toMatchObject(failure)
    await expect(ownDirectory(path, app, 'churn')).rejects.toMatchObject(failure)
  }
})

test('network file systems are refused, FUSE is warned of', async () => {
  const path = await tempFolder()
  for (const type of [0x6969, 0x517b, 0xff534d42, 0xfe534d42, 0xff534d42 | 0]) {
    const locking = lockDirectory(path, { fileSystemType: async () => type })
    await expect(locking).rejects.toMatchObject({ code: 'NETWORK_FILESYSTEM', exit: 78 })
  }
  const warnings: string[] = []
  const fuse = {
    fileSystemType: async () => 0x65735546,
    warn: (it: string) => void warnings.push(it),
  }
  await (
    await lockDirectory(path, fuse)
  )()
  expect(warnings).toHaveLength(1)
})

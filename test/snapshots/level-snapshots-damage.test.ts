/** Damaged snapshots read as absent, never as wrong rows, and come back from the outputs. */
import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { ClassicLevel } from 'classic-level'
import { expect, onTestFinished, test, vi } from 'vitest'
import { TidemarkError } from '../../src/errors.js'
import { openLevelSnapshots } from '../../src/snapshots/level-snapshots.js'
import { openMemorySnapshots } from '../../src/snapshots/memory-snapshots.js'
import type { SnapshotStore } from '../../src/snapshots/snapshots.js'
import { MemoryStoreHome } from '../../src/state/memory-store.js'
import { seededRandom } from '../support/random.js'
import { copyOf, harm } from '../support/rot.js'
import { tempFolder } from '../support/temp-folder.js'

const CUSTOMERS = 300
const never = { schedule: () => {} }

/** What the customer's rows are at a commit. */
const featuresAt = (customer: number, commit: number) => `${customer}@${commit}`.repeat(10)

async function put(snapshots: SnapshotStore, commit: number): Promise<void> {
  const puts = Array.from({ length: CUSTOMERS }, (_, customer) => ({
    customer: `c${customer}`,
    features: Buffer.from(featuresAt(customer, commit)),
    score: null,
  }))
  const cursor = { commit, featuresOffset: commit, scoresOffset: commit }
  await snapshots.put(puts, { partition: 0, asOf: 0, endOffset: 0, commit, caughtUp: true }, cursor)
}

/** A directory of snapshots at commit 3, closed. */
async function filled(): Promise<string> {
  const directory = await tempFolder()
  for (const commit of [1, 2, 3]) {
    const snapshots = await openLevelSnapshots(directory, never)
    await put(snapshots, commit)
    await snapshots.close()
  }
  return directory
}

async function flipValueOf(directory: string, customer: string): Promise<void> {
  const db = new ClassicLevel<Buffer, Buffer>(join(directory, '0'), {
    keyEncoding: 'buffer',
    valueEncoding: 'buffer',
  })
  const key = Buffer.from(`V${customer}`)
  const value = (await db.get(key))!
  value[value.length - 1] ^= 1
  await db.put(key, value)
  await db.close()
}

test('a damaged row reads as absent, is told once, and the next opening begins anew', async () => {
  const directory = await filled()
  await flipValueOf(directory, 'c7')
  const told: string[] = []
  const options = { ...never, onDamage: (text: string) => void told.push(text) }
  let snapshots = await openLevelSnapshots(directory, options)
  expect(await snapshots.cursor(0)).toMatchObject({ commit: 3 })
  expect(await snapshots.get('c7')).toBeNull()
  expect(await snapshots.get('c7')).toBeNull()
  expect((await snapshots.get('c8'))?.version).toBe(3)
  expect([snapshots.damaged, told]).toEqual([true, ['the snapshot of customer "c7" is damaged']])
  expect(await snapshots.cursor(0)).toBeNull()
  await put(snapshots, 4)
  expect((await snapshots.get('c7'))?.version).toBe(4)
  expect(await snapshots.cursor(0)).toBeNull()
  await snapshots.close()

  snapshots = await openLevelSnapshots(directory, options)
  onTestFinished(() => snapshots.close())
  expect(await snapshots.cursor(0)).toBeNull()
  expect(await snapshots.get('c8')).toBeNull()
  expect(told.at(-1)).toMatch(/set aside as .*0\.damaged-1$/)
  for (const commit of [1, 2, 3, 4]) await put(snapshots, commit)
  await snapshots.flush()
  expect(await snapshots.cursor(0)).toMatchObject({ commit: 4 })
  expect((await snapshots.get('c7'))?.version).toBe(4)
})

test.each(['CURRENT', 'MANIFEST', 'everything'])(
  'snapshots without %s begin anew',
  async (what) => {
    const directory = await filled()
    const path = join(directory, '0')
    if (what === 'everything') await rm(path, { recursive: true })
    else
      for (const name of await readdir(path)) if (name.startsWith(what)) await rm(join(path, name))
    const told: string[] = []
    const snapshots = await openLevelSnapshots(directory, {
      onDamage: (text) => void told.push(text),
    })
    onTestFinished(() => snapshots.close())
    expect(told).toHaveLength(1)
    expect(await snapshots.cursor(0)).toBeNull()
  },
)

test('after random harm a customer has no row, or one that he had', async () => {
  const directory = await filled()
  const random = seededRandom(11)
  const target = await tempFolder()
  let found = 0
  for (let round = 0; round < 60; round += 1) {
    await copyOf(directory, target)
    const what = await harm(join(target, '0'), random)
    const snapshots = await openLevelSnapshots(target, { ...never, onDamage: () => (found += 1) })
    const customers = Array.from({ length: CUSTOMERS }, (_, customer) => `c${customer}`)
    const rows = await snapshots.getMany(customers)
    for (const [customer, row] of rows.entries()) {
      if (row === null) continue
      const text = Buffer.from(row.features).toString()
      expect([what, text]).toEqual([what, featuresAt(customer, row.version)])
    }
    await snapshots.close()
  }
  expect(found).toBeGreaterThan(10)
})

const refusal = () =>
  new TidemarkError('STORE_WRITE_FAILED', 'the disk refused', { exit: 74, retry: 'later' })

test('a disk that refuses is told to who puts or flushes, and forgotten when it takes again', async () => {
  let refuses = false
  const home = new MemoryStoreHome({
    beforeDurable: async () => {
      if (refuses) throw refusal()
    },
  })
  const snapshots = await openMemorySnapshots(home, never)
  await put(snapshots, 1)
  await snapshots.flush()
  refuses = true
  await put(snapshots, 2)
  await expect(snapshots.flush()).rejects.toThrow('the disk refused')
  await expect(snapshots.flush()).rejects.toThrow('the disk refused')
  expect((await snapshots.get('c1'))?.version).toBe(2)
  expect(await snapshots.cursor(0)).toMatchObject({ commit: 1 })
  refuses = false
  await put(snapshots, 3)
  expect((await snapshots.get('c1'))?.version).toBe(3)
  await snapshots.flush()
  expect(await snapshots.cursor(0)).toMatchObject({ commit: 3 })
  await snapshots.close()
  const again = await openMemorySnapshots(home, never)
  expect((await again.get('c1'))?.version).toBe(3)
})

test('rows whose write failed are written by themselves, also where nobody puts any more', async () => {
  let refuses = false
  const home = new MemoryStoreHome({
    beforeDurable: async () => {
      if (refuses) throw refusal()
    },
  })
  const planned: (() => void)[] = []
  const snapshots = await openMemorySnapshots(home, { schedule: (run) => void planned.push(run) })
  refuses = true
  await put(snapshots, 1)
  for (let tries = 0; tries < 3; tries += 1) {
    expect(planned).toHaveLength(1)
    planned.pop()!()
    await vi.waitFor(() => expect(planned).toHaveLength(1))
  }
  refuses = false
  planned.pop()!()
  await vi.waitFor(async () => expect(await snapshots.cursor(0)).toMatchObject({ commit: 1 }))
  expect(planned).toHaveLength(0)
  await snapshots.close()
})

test('what is no failure of the world is kept, and nothing is written behind it', async () => {
  let writes = 0
  const home = new MemoryStoreHome({
    beforeDurable: async () => {
      writes += 1
      throw new TypeError('we were wrong')
    },
  })
  const snapshots = await openMemorySnapshots(home, never)
  await put(snapshots, 1)
  await expect(snapshots.flush()).rejects.toThrow('we were wrong')
  await expect((async () => put(snapshots, 2))()).rejects.toThrow('we were wrong')
  expect(writes).toBe(1)
  await snapshots.close()
})

test('a LevelDB that refused a write is opened again, and what was put is durable then', async () => {
  const directory = await tempFolder()
  const snapshots = await openLevelSnapshots(directory, never)
  await put(snapshots, 1)
  await snapshots.flush()
  const db = new ClassicLevel(join(await tempFolder(), 'db'))
  await db.open()
  const batch = db.batch()
  const prototype = Object.getPrototypeOf(batch) as typeof batch
  await batch.close()
  await db.close()
  const spy = vi.spyOn(prototype, 'write').mockRejectedValue(new Error('IO error: No space left'))
  onTestFinished(() => spy.mockRestore())
  await put(snapshots, 2)
  await expect(snapshots.flush()).rejects.toMatchObject({ code: 'DISK_FULL', retry: 'later' })
  spy.mockRestore()
  await put(snapshots, 3)
  await snapshots.flush()
  expect(await snapshots.cursor(0)).toMatchObject({ commit: 3 })
  await snapshots.close()
  const again = await openLevelSnapshots(directory, never)
  onTestFinished(() => again.close())
  expect((await again.get('c9'))?.version).toBe(3)
})

test('an older store in the place of one that failed is no store to go on with', async () => {
  let refuses = false
  const home = new MemoryStoreHome({
    beforeDurable: async () => {
      if (refuses) throw refusal()
    },
  })
  const snapshots = await openMemorySnapshots(home, never)
  await put(snapshots, 1)
  await snapshots.flush()
  refuses = true
  await put(snapshots, 2)
  await expect(snapshots.flush()).rejects.toThrow('the disk refused')
  refuses = false
  await home.setAside(0, 'a test')
  const lacks = { code: 'SNAPSHOTS_DAMAGED', retry: 'never' }
  await expect(snapshots.flush()).rejects.toMatchObject(lacks)
  await expect(snapshots.flush()).rejects.toMatchObject(lacks)
  await snapshots.close()
})

test('what waits is flushed after the time, or early when it is much', async () => {
  const planned: number[] = []
  let run: () => void = () => {}
  const snapshots = await openMemorySnapshots(new MemoryStoreHome(), {
    flushBytesMax: 100_000,
    flushEveryMs: 2000,
    schedule: (flush, ms) => {
      planned.push(ms)
      run = flush
    },
  })
  await put(snapshots, 1)
  await put(snapshots, 2)
  expect(planned).toEqual([2000])
  expect(await snapshots.cursor(0)).toBeNull()
  run()
  await snapshots.flush()
  expect(await snapshots.cursor(0)).toMatchObject({ commit: 2 })
  const features = Buffer.alloc(150_000)
  const proof = { partition: 0, asOf: 0, endOffset: 0, commit: 3, caughtUp: true }
  const cursor = { commit: 3, featuresOffset: 3, scoresOffset: 3 }
  void snapshots.put([{ customer: 'big', features, score: null }], proof, cursor)
  expect(planned).toEqual([2000, 0])
  // Twice the bound holds up who puts, until it is written.
  await snapshots.put(
    [{ customer: 'bigger', features, score: null }],
    { ...proof, commit: 4 },
    { ...cursor, commit: 4 },
  )
  expect(await snapshots.cursor(0)).toMatchObject({ commit: 4 })
})

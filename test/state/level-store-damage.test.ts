/**
 * Whatever happens to the files of a store, nobody reads wrong state: the adapter refuses to open,
 * or the seals or the digest that the overlay keeps do not hold, or nothing was lost.
 */
import { readFile, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { ClassicLevel } from 'classic-level'
import { expect, onTestFinished, test } from 'vitest'
import { TidemarkError } from '../../src/errors.js'
import { Digest, sealIn, sealOf, sealed, unsealed } from '../../src/state/checksum.js'
import { LINKS_KEPT, linkRows } from '../../src/state/level-store-chain.js'
import { LevelStoreHome } from '../../src/state/level-store-home.js'
import type { Store, StoreChange } from '../../src/state/store.js'
import { seededRandom } from '../support/random.js'
import { copyOf, harm } from '../support/rot.js'
import { tempFolder } from '../support/temp-folder.js'

/** Writes sealed values in several flushes, the digest as position. */
async function fill(store: Store, flushes: number): Promise<void> {
  const random = seededRandom(1)
  const digest = new Digest()
  const seals = new Map<string, bigint>()
  for (let flush = 0; flush < flushes; flush += 1) {
    const changes = new Map<string, StoreChange>()
    for (let index = 0; index < 200; index += 1) {
      const name = `customer-${random.below(2000)}`
      const key = Buffer.from(name)
      if (changes.has(name)) continue
      const before = seals.get(name)
      if (before !== undefined) digest.remove(before)
      if (random.below(20) === 0) {
        seals.delete(name)
        changes.set(name, { key, value: null })
        continue
      }
      const payload = Buffer.from(`${flush}:`.padEnd(20 + random.below(300), 'x'))
      const seal = sealOf(key, payload)
      digest.add(seal)
      seals.set(name, seal)
      changes.set(name, { key, value: sealed(seal, payload) })
    }
    await store.write([...changes.values()], Buffer.from(digest.toString()))
  }
}

/** What the overlay does when it opens a store; null where all holds. */
async function overlayFault(store: Store): Promise<string | null> {
  const digest = new Digest()
  for await (const portion of store.scan()) {
    for (const [key, value] of portion) {
      if (unsealed(key, value) === null) return 'seal'
      digest.add(sealIn(value))
    }
  }
  const due = Buffer.from((await store.position()) ?? []).toString()
  return digest.toString() === (due || new Digest().toString()) ? null : 'digest'
}

async function newestPosition(store: Store): Promise<string> {
  return Buffer.from((await store.position()) ?? []).toString()
}

/** A home with one filled store, closed; its log of writes is not in tables yet. */
async function filledHome(flushes = 30): Promise<{ directory: string; position: string }> {
  const directory = await tempFolder()
  const home = new LevelStoreHome(directory, 'state')
  let store = await home.open(0)
  await fill(store, flushes)
  await store.close()
  // Opened again, LevelDB turns its log into a table; the next flushes are in a new log.
  store = await home.open(0)
  const position = await newestPosition(store)
  const extra = sealed(sealOf(Buffer.from('k'), Buffer.from('v')), Buffer.from('v'))
  const digest = Digest.parse(position)
  digest.add(sealIn(extra))
  await store.write([{ key: Buffer.from('k'), value: extra }], Buffer.from(digest.toString()))
  await store.write([], Buffer.from(digest.toString()))
  await store.close()
  return { directory, position: digest.toString() }
}

test('150 random harms are found or harmless', async () => {
  const { directory, position } = await filledHome()
  const random = seededRandom(7)
  const outcomes = { adapter: 0, seal: 0, digest: 0, harmless: 0 }
  const target = await tempFolder()
  for (let round = 0; round < 150; round += 1) {
    await copyOf(directory, target)
    const what = await harm(join(target, '0'), random)
    const home = new LevelStoreHome(target, 'state')
    let fault: string | null
    try {
      const store = await home.open(0)
      try {
        fault = await overlayFault(store)
        // A lost tail is an older state that holds in itself: whole, and behind the log.
        const held = await newestPosition(store)
        if (fault === null && !what.includes('.log')) expect([what, held]).toEqual([what, position])
      } finally {
        await store.close()
      }
    } catch (error) {
      expect(error, what).toMatchObject({ code: 'STORE_DAMAGED', retry: 'now', exit: 74 })
      expect(error).toBeInstanceOf(TidemarkError)
      fault = 'adapter'
    }
    outcomes[(fault ?? 'harmless') as keyof typeof outcomes] += 1
  }
  // Of 300: 167 found by the adapter, 26 by a seal, 14 by the digest, 93 did no harm.
  expect(outcomes.adapter).toBeGreaterThan(50)
  expect(outcomes.seal + outcomes.digest).toBeGreaterThan(5)
})

test.each(['CURRENT', 'MANIFEST-', 'directory'])(
  'a store without its %s is damaged; set aside, it keeps its files, and a new one takes its place',
  async (what) => {
    const { directory } = await filledHome(2)
    const path = join(directory, '0')
    if (what === 'directory') await rm(path, { recursive: true })
    else
      for (const name of await readdir(path)) if (name.startsWith(what)) await rm(join(path, name))
    const home = new LevelStoreHome(directory, 'state')
    const damage = { code: 'STORE_DAMAGED', retry: 'now', exit: 74 }
    await expect(home.open(0)).rejects.toMatchObject(damage)
    await expect(home.open(0)).rejects.toMatchObject(damage)
    const aside = await home.setAside(0, 'it was harmed')
    expect(aside).toBe(`${path}.damaged-1`)
    const store = await home.open(0)
    expect(await store.position()).toBeNull()
    await store.close()
    if (what === 'directory') return
    expect(await readFile(join(aside, 'REASON'), 'utf8')).toBe('it was harmed\n')
    expect((await readdir(aside)).some((name) => name.endsWith('.ldb'))).toBe(true)
  },
)

test('a store whose newest log is gone is behind, or damaged, but never ahead of what it holds', async () => {
  const { directory, position } = await filledHome(3)
  const path = join(directory, '0')
  for (const name of await readdir(path)) if (name.endsWith('.log')) await rm(join(path, name))
  const store = await new LevelStoreHome(directory, 'state').open(0)
  onTestFinished(() => store.close())
  expect(await newestPosition(store)).not.toBe(position)
  expect(await overlayFault(store)).toBeNull()
})

test('an old copy of a store that is put back is behind, and whole', async () => {
  const { directory } = await filledHome(3)
  const copy = await tempFolder()
  await copyOf(directory, copy)
  const home = new LevelStoreHome(directory, 'state')
  const store = await home.open(0)
  const before = await newestPosition(store)
  await store.write([], Buffer.from('later'))
  await store.close()
  await copyOf(join(copy, '0'), join(directory, '0'))
  const old = await home.open(0)
  onTestFinished(() => old.close())
  expect(await newestPosition(old)).toBe(before)
  expect(await overlayFault(old)).toBeNull()
})

test("another partition's store in the place of a lost one is found", async () => {
  const directory = await tempFolder()
  const home = new LevelStoreHome(directory, 'state')
  for (const partition of [0, 1]) {
    const store = await home.open(partition)
    await fill(store, 1)
    await store.close()
  }
  await copyOf(join(directory, '1'), join(directory, '0'))
  await expect(home.open(0)).rejects.toMatchObject({ code: 'STORE_DAMAGED' })
})

test.each([
  [
    'a link in the middle',
    (key: Buffer) => (key[0] === 0x4c && key.readUInt32BE(5) === 2 ? null : undefined),
    /flush records are due/,
  ],
  [
    'the newest link',
    (key: Buffer) => (key[0] === 0x4c && key.readUInt32BE(5) === 4 ? Buffer.alloc(16) : undefined),
    /flush record 4/,
  ],
  [
    'a link',
    (key: Buffer) => (key[0] === 0x4c && key.readUInt32BE(5) === 3 ? Buffer.alloc(16) : undefined),
    /flush record [34]/,
  ],
  ['the head', (key: Buffer) => (key[0] === 0x48 ? Buffer.alloc(40) : undefined), /broken seal/],
  [
    'no head at all',
    (key: Buffer) => (key[0] === 0x48 ? null : undefined),
    /0 flush records are due/,
  ],
] as const)('a chain with %s gone or changed is found', async (_, change, text) => {
  const { directory } = await filledHome(2)
  const db = new ClassicLevel<Buffer, Buffer>(join(directory, '0'), {
    keyEncoding: 'buffer',
    valueEncoding: 'buffer',
  })
  for (const [key] of await db.iterator().all()) {
    const value = change(key)
    if (value === null) await db.del(key)
    else if (value !== undefined) await db.put(key, value)
  }
  await db.close()
  await expect(new LevelStoreHome(directory, 'state').open(0)).rejects.toMatchObject({
    code: 'STORE_DAMAGED',
    message: expect.stringMatching(text) as unknown,
  })
})

test('the chain keeps its newest links only', async () => {
  const directory = await tempFolder()
  const home = new LevelStoreHome(directory, 'state')
  let store = await home.open(0)
  for (let flush = 0; flush < LINKS_KEPT + 20; flush += 1) await store.write([], Buffer.from('p'))
  await store.close()
  const db = new ClassicLevel<Buffer, Buffer>(join(directory, '0'), { keyEncoding: 'buffer' })
  expect(await db.keys(linkRows()).all()).toHaveLength(LINKS_KEPT)
  await db.close()
  store = await home.open(0)
  await store.write([], Buffer.from('q'))
  await store.close()
})

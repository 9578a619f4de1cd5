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
import { LINKS_KEPT, NO_HEAD, chainFault, nextLink } from '../../src/state/level-store-chain.js'
import { LevelStoreHome } from '../../src/state/level-store-home.js'
import type { Store, StoreChange } from '../../src/state/store.js'
import { seededRandom } from '../support/random.js'
import { copyOf, harm } from '../support/rot.js'
import { scanStore } from '../support/scan-store.js'
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
async function overlayFault(store: Store): Promise<'seal' | 'digest' | null> {
  const digest = new Digest()
  for await (const portion of scanStore(store)) {
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

type Outcome = 'adapter' | 'seal' | 'digest' | 'harmless'

/** Who finds the harm; or none was done, and then what the position is. */
async function outcomeOf(directory: string): Promise<[Outcome, position: string]> {
  let store: Store
  try {
    store = await new LevelStoreHome(directory, 'state').open(0)
  } catch (error) {
    if (isStoreDamage(error)) return ['adapter', '']
    throw error
  }
  try {
    return [(await overlayFault(store)) ?? 'harmless', await newestPosition(store)]
  } catch (error) {
    if (isStoreDamage(error)) return ['adapter', '']
    throw error
  } finally {
    await store.close()
  }
}

function isStoreDamage(error: unknown): boolean {
  return error instanceof TidemarkError && error.code === 'STORE_DAMAGED' && error.retry === 'now'
}

test('150 random harms are found or harmless', async () => {
  const { directory, position } = await filledHome()
  const random = seededRandom(7)
  const outcomes: Record<Outcome, number> = { adapter: 0, seal: 0, digest: 0, harmless: 0 }
  const unexplained: string[] = []
  const target = await tempFolder()
  for (let round = 0; round < 150; round += 1) {
    await copyOf(directory, target)
    const what = await harm(join(target, '0'), random)
    const [outcome, held] = await outcomeOf(target)
    outcomes[outcome] += 1
    // A lost tail of LevelDB's log is an older state, whole in itself, and behind the event log.
    if (outcome === 'harmless' && held !== position && !what.includes('.log')) {
      unexplained.push(what)
    }
  }
  expect(unexplained).toEqual([])
  expect(outcomes.adapter).toBeGreaterThan(50)
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

test('the chain keeps its newest links, and no gap among them goes unseen', () => {
  const links = new Map<string, [Buffer, Buffer]>()
  let head = NO_HEAD
  for (let write = 0; write < LINKS_KEPT + 20; write += 1) {
    const link = nextLink(head, BigInt(write))
    links.set(link.key.toString('hex'), [link.key, link.value])
    if (link.expired) links.delete(link.expired.toString('hex'))
    head = link.head
  }
  const kept = [...links.values()]
  expect(kept).toHaveLength(LINKS_KEPT)
  expect(chainFault(head, kept)).toBeNull()
  expect(chainFault(head, kept.slice(1))).toMatch(/4096 flush records are due, 4095 are there/)
  expect(chainFault(head, kept.toSpliced(7, 1, kept[8]))).toMatch(/is missing/)
})

/**
 * What keeps LevelDB 1.20 from losing writes under long reads: the gate itself, and a store that is
 * written to while it is viewed.
 */
import { randomBytes } from 'node:crypto'
import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { expect, onTestFinished, test } from 'vitest'
import { LevelStoreHome } from '../../src/state/level-store-home.js'
import { ReadGate } from '../../src/state/read-gate.js'
import type { Store, StoreChange } from '../../src/state/store.js'
import { seededRandom } from '../support/random.js'
import { tempFolder } from '../support/temp-folder.js'

test('no write begins before the reads from before the end of the last write have ended', async () => {
  const gate = new ReadGate()
  const random = seededRandom(7)
  let written = 0
  /** For each read under way, how many writes had ended when it began. */
  const reading = new Set<{ readonly since: number }>()
  const read = async (): Promise<void> => {
    const one = { since: written }
    await gate.read(async () => {
      reading.add(one)
      await pause(random.below(8))
      reading.delete(one)
    })
  }
  const oldest: number[] = []
  const write = () =>
    gate.write(async () => {
      for (const { since } of reading) oldest.push(written - since)
      await pause(random.below(3))
      written++
    })
  const reads: Promise<void>[] = []
  for (let round = 0; round < 100; round++) {
    for (let more = random.below(4); more > 0; more--) reads.push(read())
    await write()
  }
  await Promise.all(reads)
  expect(Math.max(...oldest)).toBe(0)
  expect(oldest.length).toBeGreaterThan(20)
})

test('reads and writes that fail hold up nobody, and their failures are told', async () => {
  const gate = new ReadGate()
  await expect(gate.read(() => Promise.reject(new Error('read')))).rejects.toThrow('read')
  const slow = gate.read(() => pause(5).then(() => Promise.reject(new Error('slow read'))))
  slow.catch(() => undefined)
  await expect(gate.write(() => Promise.reject(new Error('write')))).rejects.toThrow('write')
  expect(await gate.write(async () => 'written')).toBe('written')
  await expect(slow).rejects.toThrow('slow read')
})

// With a snapshot held instead, `getMany` misses values in some runs.
test('a store that is written to while it is viewed answers the newest values', async () => {
  const home = new LevelStoreHome(await tempFolder(), 'state')
  const store = await home.open(0)
  onTestFinished(() => store.close())
  const pages = new Pages(store)
  await pages.writeGroup(0)
  const view = await store.view()
  const before = new Map(pages.due)
  const wrong: string[] = []
  for (let group = 1; group < 120; group++) {
    await pages.writeGroup(group)
    if (group % 40 === 39) wrong.push(...(await pages.wrong()))
  }
  expect(wrong).toEqual([])
  const seen = new Map<string, number>()
  for await (const portion of view.scan()) {
    for (const [key, value] of portion) seen.set(Buffer.from(key).toString(), value[0])
  }
  expect(seen).toEqual(before)
  for await (const slice of view.check()) expect(slice).toBeUndefined()
  await view.close()
  expect(await pages.wrong()).toEqual([])
}, 60_000)

test('copies for views go with the view, and those of a killed process with the next opening', async () => {
  const directory = await tempFolder()
  const home = new LevelStoreHome(directory, 'state')
  const store = await home.open(0)
  const change = (value: string): StoreChange[] => [
    { key: Buffer.from('a'), value: Buffer.from(value) },
  ]
  await store.write(change('old'), Buffer.from('p1'))
  const [one, two] = [await store.view(), await store.view()]
  await store.write(change('new'), Buffer.from('p2'))
  const copies = (await readdir(directory)).filter((name) => name.includes('view'))
  expect(copies).toEqual(['0.view-1', '0.view-2'])
  await one.close()
  expect(await readdir(directory)).not.toContain('0.view-1')
  await store.close()
  expect(await readdir(directory)).toEqual(['0', '0.marker'])
  await expect(two.scan()[Symbol.asyncIterator]().next()).rejects.toMatchObject({
    code: 'STORE_CLOSED',
  })

  await mkdir(join(directory, '0.view-9'))
  await writeFile(join(directory, '0.view-9', '000004.ldb'), 'of a killed process')
  await (await home.open(0)).close()
  expect(await readdir(directory)).toEqual(['0', '0.marker'])
})

/** Values that are put in sixteens, and then replaced by one large value under the first key. */
class Pages {
  /** By key, the first byte of its value. */
  readonly due = new Map<string, number>()
  #keys: string[] = []

  constructor(private readonly store: Store) {}

  async writeGroup(group: number): Promise<void> {
    const keys = Array.from({ length: 16 }, (_, index) => {
      return `${group % 4}-${String(group * 16 + index).padStart(6, '0')}`
    })
    this.#keys.push(...keys)
    for (const key of keys) await this.#write([[key, page(30_000, 1)]])
    const replaced = keys.map((key) => [key, null] as const)
    await this.#write([...replaced, [keys[0], page(480_000, 2)]])
  }

  /** The keys whose values are not those that were written last. */
  async wrong(): Promise<string[]> {
    const wrong: string[] = []
    for (let at = 0; at < this.#keys.length; at += 200) {
      const keys = this.#keys.slice(at, at + 200)
      const values = await this.store.getMany(keys.map((key) => Buffer.from(key)))
      wrong.push(...keys.filter((key, index) => values[index]?.[0] !== this.due.get(key)))
    }
    return wrong
  }

  async #write(rows: readonly (readonly [string, Buffer | null])[]): Promise<void> {
    const changes = rows.map(([key, value]) => ({ key: Buffer.from(key), value }))
    await this.store.write(changes, Buffer.from(String(this.#keys.length)))
    for (const [key, value] of rows) {
      if (value === null) this.due.delete(key)
      else this.due.set(key, value[0])
    }
  }
}

/** Bytes that do not compress. */
function page(bytes: number, first: number): Buffer {
  const value = randomBytes(bytes)
  value[0] = first
  return value
}

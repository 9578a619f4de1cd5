/**
 * What every store keeps, whichever the technology: S1 to S3 of the port, and a random run against a
 * plain model.
 */
import { describe, expect, test } from 'vitest'
import type { Store, StoreChange, StoreHome } from '../../src/state/store.js'
import { seededRandom } from '../support/random.js'
import { scanStore } from '../support/scan-store.js'

/** A home whose process can end. */
export interface StorePlace {
  readonly home: StoreHome
  /** The end of the process; `home` is then that of the next one. */
  crash(): Promise<void>
}

const bytes = (text: string) => Buffer.from(text)
const put = (key: string, value: string): StoreChange => ({ key: bytes(key), value: bytes(value) })
const gone = (key: string): StoreChange => ({ key: bytes(key), value: null })

async function valuesOf(store: Store, keys: string[]) {
  const values = await store.getMany(keys.map(bytes))
  return values.map((value) => value && Buffer.from(value).toString())
}

async function scanned(store: Store): Promise<[string, string][]> {
  const all: [string, string][] = []
  for await (const portion of scanStore(store)) {
    for (const [key, value] of portion) {
      all.push([Buffer.from(key).toString('hex'), Buffer.from(value).toString('hex')])
    }
  }
  return all
}

async function positionOf(store: Store): Promise<string | null> {
  const position = await store.position()
  return position && Buffer.from(position).toString()
}

export function storeConformance(name: string, place: () => Promise<StorePlace>): void {
  describe(`${name}:`, () => {
    test('a new store is empty and has no position', async () => {
      const { home } = await place()
      const store = await home.open(0)
      expect(await store.position()).toBeNull()
      expect(await scanned(store)).toEqual([])
      expect(await valuesOf(store, ['a', ''])).toEqual([undefined, undefined])
      await store.close()
    })

    test('a write changes values and position together', async () => {
      const { home } = await place()
      const store = await home.open(0)
      await store.write([put('a', '1'), put('b', '2'), put('', 'empty key')], bytes('p1'))
      await store.write([put('a', '3'), gone('b'), gone('never')], bytes('p2'))
      expect(await valuesOf(store, ['b', 'a', 'c', 'a', ''])).toEqual([
        undefined,
        '3',
        undefined,
        '3',
        'empty key',
      ])
      expect(await positionOf(store)).toBe('p2')
      await store.write([], bytes(''))
      expect(await positionOf(store)).toBe('')
      await store.close()
    })

    test('values are the bytes that were written, and do not follow the caller', async () => {
      const { home } = await place()
      const store = await home.open(0)
      const value = Buffer.from([0, 1, 0xff])
      const key = Buffer.from([0xff, 0, 0xff])
      const position = bytes('here')
      await store.write([{ key, value }], position)
      value.fill(9)
      position.fill(9)
      const [read] = await store.getMany([Buffer.from([0xff, 0, 0xff])])
      expect([...read!]).toEqual([0, 1, 0xff])
      expect(await positionOf(store)).toBe('here')
      const empty = { key: bytes('e'), value: new Uint8Array(0) }
      await store.write([empty], bytes('p'))
      expect((await store.getMany([bytes('e')]))[0]).toHaveLength(0)
      await store.close()
    })

    test('a scan gives all keys in byte order, in portions', async () => {
      const { home } = await place()
      const store = await home.open(0)
      const keys = ['', '\u0000', 'a', 'ab', 'b', '\u007f', 'é', '中', '🙂']
      await store.write(
        keys.toReversed().map((key) => put(key, `value of ${key}`)),
        bytes('p'),
      )
      const due = keys.map((key) => [
        bytes(key).toString('hex'),
        bytes(`value of ${key}`).toString('hex'),
      ])
      expect(await scanned(store)).toEqual(due.sort(([a], [b]) => (a < b ? -1 : 1)))
      const many = Array.from({ length: 10_000 }, (_, index) => put(`k${index}`, 'x'))
      await store.write(many, bytes('p'))
      let portions = 0
      for await (const portion of scanStore(store)) {
        expect(portion.length).toBeLessThanOrEqual(4096)
        portions += 1
      }
      expect(portions).toBeGreaterThan(2)
      await store.close()
    })

    test('a view stays what it was when it was taken, whatever is written meanwhile (S4)', async () => {
      const { home } = await place()
      const store = await home.open(0)
      const many = Array.from({ length: 5000 }, (_, index) => put(`k${index}`, 'old'))
      await store.write(many, bytes('p1'))
      const view = await store.view()
      await store.write([put('k1', 'new'), gone('k2'), put('more', 'new')], bytes('p2'))
      const values = new Set<string>()
      let keys = 0
      for await (const portion of view.scan()) {
        await store.write([put(`k${4999 - keys}`, 'newer')], bytes('p3'))
        for (const [, value] of portion) values.add(Buffer.from(value).toString())
        keys += portion.length
      }
      expect([keys, [...values]]).toEqual([5000, ['old']])
      expect(Buffer.from(view.position!).toString()).toBe('p1')
      for await (const slice of view.check()) expect(slice).toBeUndefined()
      await view.close()
      expect(await positionOf(store)).toBe('p3')
      await store.close()
    })

    test('partitions do not mix', async () => {
      const { home } = await place()
      const [zero, one] = [await home.open(0), await home.open(1)]
      await zero.write([put('a', '0')], bytes('p0'))
      await one.write([put('a', '1')], bytes('p1'))
      expect(await valuesOf(zero, ['a'])).toEqual(['0'])
      expect(await valuesOf(one, ['a'])).toEqual(['1'])
      await zero.close()
      await one.close()
    })

    test('what was written survives a crash, with its position', async () => {
      const at = await place()
      const store = await at.home.open(0)
      await store.write([put('a', '1')], bytes('p1'))
      await at.crash()
      const again = await at.home.open(0)
      expect(await positionOf(again)).toBe('p1')
      expect(await valuesOf(again, ['a'])).toEqual(['1'])
      await again.close()
    })

    test('a store that was set aside is new when it is opened, and has another name', async () => {
      const { home } = await place()
      const names = new Set<string>()
      for (let round = 0; round < 3; round += 1) {
        const store = await home.open(0)
        expect(await store.position()).toBeNull()
        await store.write([put('a', '1')], bytes('p1'))
        await store.close()
        names.add(await home.setAside(0, 'a test'))
      }
      expect(names.size).toBe(3)
      for (const name of names) expect(name).toMatch(/damaged-\d+$/)
    })

    test('a closed store says so', async () => {
      const { home } = await place()
      const store = await home.open(0)
      await store.close()
      await expect(store.getMany([bytes('a')])).rejects.toMatchObject({ code: 'STORE_CLOSED' })
    })

    test.each([1, 2, 3, 4])(
      'random writes, crashes and reads agree with a plain model (seed %i)',
      async (seed) => {
        const random = seededRandom(seed)
        const model = new Map<string, string>()
        let position: string | null = null
        const at = await place()
        let store = await at.home.open(0)
        for (let step = 0; step < 80; step += 1) {
          const changes = Array.from({ length: random.below(300) }, () => {
            const key = `key-${random.below(500)}`
            return random.below(4) === 0 ? gone(key) : put(key, `${step}`.repeat(random.below(40)))
          })
          position = `p${step}`
          await store.write(changes, bytes(position))
          for (const { key, value } of changes) {
            if (value === null) model.delete(Buffer.from(key).toString())
            else model.set(Buffer.from(key).toString(), Buffer.from(value).toString())
          }
          if (random.below(8) === 0) {
            await at.crash()
            store = await at.home.open(0)
          }
          expect(await positionOf(store)).toBe(position)
          const keys = Array.from({ length: 20 }, () => `key-${random.below(500)}`)
          expect(await valuesOf(store, keys)).toEqual(keys.map((key) => model.get(key)))
        }
        const due = [...model].map(([key, value]) => [
          bytes(key).toString('hex'),
          bytes(value).toString('hex'),
        ])
        expect(await scanned(store)).toEqual(due.sort(([a], [b]) => (a < b ? -1 : 1)))
        await store.close()
      },
    )
  })
}

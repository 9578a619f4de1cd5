/** Processes that flush are killed: the store is at one flush, whole. */
import { readdir } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { LevelStoreHome } from '../../src/state/level-store-home.js'
import { runChild } from '../support/child.js'
import { scanStore } from '../support/scan-store.js'
import { tempFolder } from '../support/temp-folder.js'

const SCRIPT = 'state/flush-until-killed.ts'

/** The flush that the store is at, after a check that every value is of it. */
async function flushHeld(directory: string): Promise<number> {
  const store = await new LevelStoreHome(directory, 'state').open(0)
  const flush = Number(Buffer.from((await store.position()) ?? []).toString() || 0)
  let keys = 0
  for await (const portion of scanStore(store)) {
    for (const [, value] of portion) {
      expect(value.every((byte) => byte === flush % 256)).toBe(true)
      keys += 1
    }
  }
  expect(keys).toBe(flush === 0 ? 0 : 500)
  await store.close()
  return flush
}

test.each([
  ['state.before-flush', 1, [0]],
  ['state.before-flush', 4, [3]],
  ['state.in-flush', 4, [3, 4]],
])('killed at %s, the %ith time, the store is at a whole flush', async (point, nth, expected) => {
  const directory = await tempFolder()
  const child = await runChild(SCRIPT, [directory, 'flush', '9'], {
    failpoint: `${point}:kill:${nth}`,
  })
  expect(child.signal).toBe('SIGKILL')
  expect(expected).toContain(await flushHeld(directory))
})

test('killed at any moment, again and again, the store is at the last flush or the one before', async () => {
  const directory = await tempFolder()
  for (const killAfterMs of [5, 60, 25]) {
    const child = await runChild(SCRIPT, [directory, 'flush', '100000'], { killAfterMs })
    expect(child.signal).toBe('SIGKILL')
    const told = Number(child.lines.at(-1))
    expect([told, told + 1]).toContain(await flushHeld(directory))
  }
})

test.each([1, 2, 3])(
  'killed while a store is set aside (point %i), it is set aside once',
  async (nth) => {
    const directory = await tempFolder()
    const filled = await runChild(SCRIPT, [directory, 'flush', '3'])
    expect(filled.signal).toBeNull()
    const child = await runChild(SCRIPT, [directory, 'set-aside'], {
      failpoint: `state.set-aside:kill:${nth}`,
    })
    expect(child.signal).toBe('SIGKILL')
    // At the first point nothing was done yet, and what damaged the store is met again; at the
    // second the marker misses its directory, which is damage too; at the third all was done.
    const home = new LevelStoreHome(directory, 'state')
    const found = await home.open(0).then(
      async (store) => {
        const position = Buffer.from((await store.position()) ?? []).toString()
        await store.close()
        return position
      },
      (error: { code: string }) => error.code,
    )
    expect(found).toBe(['3', 'STORE_DAMAGED', ''][nth - 1])
    if (nth < 3) await home.setAside(0, 'again')
    expect(await flushHeld(directory)).toBe(0)
    const asides = (await readdir(directory)).filter((name) => name.includes('damaged'))
    expect(asides).toEqual(['0.damaged-1'])
  },
)

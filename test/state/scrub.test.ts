/** A scrub finds what became of a store behind the back of whoever has it open. */
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { Digest, sealOf, sealed } from '../../src/state/checksum.js'
import { LevelStoreHome } from '../../src/state/level-store-home.js'
import { MemoryStoreHome } from '../../src/state/memory-store.js'
import { encodeStored } from '../../src/state/proof.js'
import { scrubStore } from '../../src/state/scrub.js'
import { stateKey } from '../../src/state/state-key.js'
import type { Store, StoreChange, StoreHome } from '../../src/state/store.js'
import { flipInTable } from '../support/rot.js'
import { tempFolder } from '../support/temp-folder.js'

const customers = 3000
const goesOn = async () => true

const keyOf = (customer: number) => stateKey(Buffer.from(`customer-${customer}`), 0)

/** A store with sealed values, as an overlay writes them, and the position that they belong to. */
async function filled(home: StoreHome): Promise<{ store: Store; position: Uint8Array }> {
  const store = await home.open(0)
  const digest = new Digest()
  const changes: StoreChange[] = []
  for (let customer = 0; customer < customers; customer++) {
    const key = keyOf(customer)
    const payload = Buffer.from(`state of ${customer} `.repeat(10))
    digest.add(sealOf(key, payload))
    changes.push({ key, value: sealed(sealOf(key, payload), payload) })
  }
  const position = encodeStored({ commit: 7 }, digest.toString(), customers)
  await store.write(changes, position)
  return { store, position }
}

const homes = {
  memory: async () => new MemoryStoreHome(),
  LevelDB: async () => new LevelStoreHome(await tempFolder(), 'state'),
}

for (const [name, home] of Object.entries(homes)) {
  test(`${name}: a whole store is found to be whole, and says of which position`, async () => {
    const { store } = await filled(await home())
    onTestFinished(() => store.close())
    const found = await scrubStore(store, goesOn)
    expect(found).toEqual({ customers, values: customers, position: { commit: 7 } })
  })

  test(`${name}: a record that was taken out is found`, async () => {
    const { store, position } = await filled(await home())
    onTestFinished(() => store.close())
    await store.write([{ key: keyOf(1234), value: null }], position)
    await expect(scrubStore(store, goesOn)).rejects.toMatchObject({
      code: 'STORE_DAMAGED',
      message: expect.stringContaining(`over ${customers - 1} customers`) as unknown,
    })
  })

  test(`${name}: a value that was changed is found`, async () => {
    const { store, position } = await filled(await home())
    onTestFinished(() => store.close())
    await store.write([{ key: keyOf(3), value: Buffer.alloc(40) }], position)
    await expect(scrubStore(store, goesOn)).rejects.toMatchObject({ code: 'STORE_DAMAGED' })
  })

  test(`${name}: a scrub rests between slices, and ends when it is told to`, async () => {
    const { store } = await filled(await home())
    onTestFinished(() => store.close())
    let rests = 0
    expect(await scrubStore(store, async () => ++rests < 2)).toBeNull()
    expect(rests).toBe(2)
  })
}

test('a byte that flips in a table of an open database is found', async () => {
  const directory = await tempFolder()
  const home = new LevelStoreHome(directory, 'state')
  await (await filled(home)).store.close()
  // Opened again, LevelDB turns its log into a table.
  const store = await home.open(0)
  onTestFinished(() => store.close())
  expect(await scrubStore(store, goesOn)).toMatchObject({ customers })
  await flipInTable(join(directory, '0'))
  await expect(scrubStore(store, goesOn)).rejects.toMatchObject({
    code: 'STORE_DAMAGED',
    message: expect.stringMatching(/table \d+\.ldb: the block at \d+ is damaged/) as unknown,
  })
})

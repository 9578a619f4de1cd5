import { readFile, readdir, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ClassicLevel } from 'classic-level'
import { expect, test } from 'vitest'
import { crc32c } from '../../src/state/crc32c.js'
import { tablesFault } from '../../src/state/level-store-tables.js'
import { seededRandom } from '../support/random.js'
import { tempFolder } from '../support/temp-folder.js'

/** A closed database with one large table, its rows compressible or not. */
async function withTable(compression: boolean): Promise<{ directory: string; table: string }> {
  const directory = await tempFolder()
  const db = new ClassicLevel<string, Buffer>(directory, { compression, valueEncoding: 'buffer' })
  const random = seededRandom(5)
  for (let row = 0; row < 3000; row += 1) {
    const value = Buffer.alloc(100, row)
    value.writeDoubleLE(random.next(), 0)
    await db.put(`customer-${random.below(1e9)}-with-a-name-that-compresses`, value)
  }
  await db.compactRange('', '~')
  await db.close()
  const tables = (await readdir(directory)).filter((name) => name.endsWith('.ldb'))
  expect(tables).toHaveLength(1)
  return { directory, table: join(directory, tables[0]) }
}

const faultOf = async (directory: string) => tablesFault(directory, await readdir(directory))

test('the check value of CRC-32C holds, for every length', () => {
  expect(crc32c(Buffer.from('123456789'))).toBe(0xe3069283)
  expect(crc32c(Buffer.alloc(32))).toBe(0x8a9136aa)
  expect(crc32c(Buffer.alloc(32, 0xff))).toBe(0x62a8ab43)
  expect(crc32c(Buffer.alloc(0))).toBe(0)
})

test.each([true, false])('tables of LevelDB are whole (compressed: %s)', async (compression) => {
  const { directory } = await withTable(compression)
  expect(await faultOf(directory)).toBeNull()
})

test.each([true, false])('each flipped bit is found (compressed: %s)', async (compression) => {
  const { directory, table } = await withTable(compression)
  const whole = await readFile(table)
  const random = seededRandom(9)
  const missed: number[] = []
  for (let round = 0; round < 200; round += 1) {
    const bytes = Buffer.from(whole)
    // The last 48 bytes are the footer: two handles, zeroes, and a number that LevelDB looks at.
    const at = random.below(bytes.length - 48)
    bytes[at] ^= 1 << random.below(8)
    await writeFile(table, bytes)
    if ((await faultOf(directory)) === null) missed.push(at)
  }
  expect(missed).toEqual([])
})

test('a table that was not finished is not judged', async () => {
  const { directory, table } = await withTable(false)
  await truncate(table, 10_000)
  expect(await faultOf(directory)).toBeNull()
  await truncate(table, 0)
  expect(await faultOf(directory)).toBeNull()
})

/** The archive's files: cut anywhere, flipped anywhere, and read while they grow. */
import { appendFile, readdir, readFile, rename, rm, truncate, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { Archive } from '../../src/log/archive.js'
import type { ArchiveWriter } from '../../src/log/archive-writer.js'
import type { StoredRecord } from '../../src/log/log.js'
import { seededRandom } from '../support/random.js'
import { tempFolder } from '../support/temp-folder.js'

const owner = { logId: 'log-1', topic: 'events', partitions: 2 }
let now = 0
/** Nothing is finished by size, and by age when the clock is turned. */
const slow = { segmentBytes: 1024 * 1024, segmentMs: 1_000, clock: () => now }

/** Records with every kind of field, at offsets with gaps. */
function recordsOf(seed: number, count: number, from = 0): StoredRecord[] {
  const random = seededRandom(seed)
  let offset = from
  return Array.from({ length: count }, (_, index) => {
    offset += random.below(4) === 0 ? 3 : 1
    const key = random.below(10) === 0 ? null : Buffer.from(`key-${random.below(9)}`)
    const value = random.below(8) === 0 ? null : Buffer.alloc(random.below(90), index)
    const headers =
      random.below(5) === 0
        ? ([
            ['name\u00e4', Buffer.from([0, 255])],
            ['', Buffer.alloc(0)],
          ] as const)
        : null
    return { offset, key, value, headers, timestamp: -5 + index * 1e9 }
  })
}

const plain = (records: readonly StoredRecord[]) =>
  records.map(({ offset, timestamp, key, value, headers }) => ({
    offset,
    timestamp,
    key: key?.toString('hex') ?? null,
    value: value?.toString('hex') ?? null,
    headers: headers?.map(([name, bytes]) => `${name}=${bytes.toString('hex')}`) ?? null,
  }))

async function begun(directory: string): Promise<Archive> {
  return Archive.begin(directory, owner)
}

/** In blocks of `size`; every third turns the clock, so that the next one finishes the segment. */
async function fill(writer: ArchiveWriter, records: readonly StoredRecord[], size = 7) {
  for (let at = 0; at < records.length; at += size) {
    const block = records.slice(at, at + size)
    if ((at / size) % 3 === 2) now += 1_000
    await writer.append(block, block[block.length - 1].offset + 1)
  }
}

async function readAll(archive: Archive, from: number): Promise<StoredRecord[]> {
  const cursor = archive.cursor(0, from)
  const records: StoredRecord[] = []
  try {
    for (let block = await cursor.next(); block !== null; block = await cursor.next()) {
      records.push(...block.records)
    }
  } finally {
    await cursor.close()
  }
  return records
}

/** An archive of one partition, and the paths of its files in order. */
async function filled(count = 60) {
  const directory = await tempFolder()
  const archive = await begun(directory)
  const writer = await archive.writer(0, slow, 0)
  const records = recordsOf(count, count)
  await fill(writer, records)
  await writer.close()
  const folder = join(directory, '0')
  const names = (await readdir(folder)).sort()
  const segments = names.filter((name) => name.endsWith('.segment')).map((n) => join(folder, n))
  const tail = join(
    folder,
    names.find((name) => name.endsWith('.tail'))!,
  )
  return { directory, archive, records, folder, segments, tail }
}

describe('an archive', () => {
  test('gives again what was put in, from any offset, over the borders of its files', async () => {
    const { archive, records, segments } = await filled(100)
    expect(segments.length).toBeGreaterThan(2)
    for (const from of [0, 1, records[20].offset, records[63].offset, records[99].offset]) {
      const due = records.filter(({ offset }) => offset >= from)
      expect(plain(await readAll(archive, from))).toEqual(plain(due))
    }
    const end = records[99].offset + 1
    expect(await readAll(archive, end)).toEqual([])
    expect(await archive.range(0)).toEqual({ from: 0, to: end })
    expect(await archive.range(1)).toBeNull()
    expect(await archive.check(0)).toMatchObject({ from: 0, to: end, records: 100 })
  })

  test('covers offsets that have no record', async () => {
    const archive = await begun(await tempFolder())
    const writer = await archive.writer(0, slow, 5)
    await writer.append([], 9)
    now += 1_000
    await writer.append(recordsOf(1, 1, 19), 40)
    await writer.append([], 44)
    await writer.close()
    expect(await archive.range(0)).toEqual({ from: 5, to: 44 })
    expect(await readAll(archive, 5)).toHaveLength(1)
    expect(await archive.check(0)).toMatchObject({ from: 5, to: 44, records: 1, segments: 1 })
  })

  test('is followed while it grows and its files are finished', async () => {
    const archive = await begun(await tempFolder())
    const writer = await archive.writer(0, slow, 0)
    const records = recordsOf(3, 120)
    const cursor = archive.cursor(0, 0)
    const seen: StoredRecord[] = []
    for (let at = 0; at < records.length; at += 5) {
      await fill(writer, records.slice(at, at + 5), 5)
      if (at % 20 === 0) now += 1_000
      for (let block = await cursor.next(); block !== null; block = await cursor.next()) {
        seen.push(...block.records)
      }
      expect(cursor.nextOffset).toBe(writer.to)
    }
    await cursor.close()
    await writer.close()
    expect(plain(seen)).toEqual(plain(records))
  })

  test('is of one log and topic', async () => {
    const directory = await tempFolder()
    expect(await Archive.find(directory)).toBeNull()
    await begun(directory)
    for (const other of [{ logId: 'log-2' }, { topic: 'others' }, { partitions: 3 }]) {
      await expect(Archive.begin(directory, { ...owner, ...other })).rejects.toMatchObject({
        code: 'ARCHIVE_FOREIGN',
      })
    }
    await writeFile(join(directory, 'archive.json'), '{}')
    await expect(Archive.find(directory)).rejects.toMatchObject({ code: 'ARCHIVE_DAMAGED' })
  })
})

describe('a tail', () => {
  test('that was cut anywhere is cut back to its last whole block, and goes on there', async () => {
    const { archive, records, tail } = await filled(30)
    const whole = await readFile(tail)
    const random = seededRandom(9)
    for (let round = 0; round < 40; round++) {
      const size = 1024 + random.below(whole.length - 1024 + 1)
      await writeFile(tail, whole.subarray(0, size))
      // A reader takes nothing away.
      const before = await readAll(archive, 0)
      const writer = await archive.writer(0, slow, 0)
      const end = writer.to
      const kept = records.filter(({ offset }) => offset < end)
      expect(plain(before)).toEqual(plain(kept))
      const left = records.filter(({ offset }) => offset >= end)
      if (left.length > 0) await writer.append(left, left[left.length - 1].offset + 1)
      await writer.close()
      expect(plain(await readAll(archive, 0))).toEqual(plain(records))
    }
  })

  test('may end in bytes that were never written', async () => {
    const { archive, records, tail } = await filled(30)
    await appendFile(tail, Buffer.alloc(5_000))
    await appendFile(tail, Buffer.from('TBLK'))
    const writer = await archive.writer(0, slow, 0)
    await writer.close()
    expect(plain(await readAll(archive, 0))).toEqual(plain(records))
    expect((await archive.check(0))!.records).toBe(30)
  })

  test('of which a block before the last is damaged is refused', async () => {
    const { archive, tail } = await filled(77)
    const whole = await readFile(tail)
    expect(whole.indexOf('TBLK', 1025)).toBeGreaterThan(0)
    const flipped = Buffer.from(whole)
    flipped[1050] ^= 4
    await writeFile(tail, flipped)
    const damaged = { code: 'ARCHIVE_DAMAGED', message: expect.stringContaining(tail) as unknown }
    await expect(archive.writer(0, slow, 0)).rejects.toMatchObject(damaged)
    await expect(readAll(archive, 0)).rejects.toMatchObject(damaged)
    await expect(archive.check(0)).rejects.toMatchObject(damaged)
    expect(await readFile(tail)).toEqual(flipped)
  })
})

describe('damage', () => {
  test('of any bit is told, and never read as something else', async () => {
    const { archive, records, segments, tail } = await filled(77)
    const random = seededRandom(4)
    const codes = new Set<string>()
    const wholes: number[] = []
    for (let round = 0; round < 300; round++) {
      const path = [...segments, tail][random.below(segments.length + 1)]
      const whole = await readFile(path)
      const flipped = Buffer.from(whole)
      const bit = random.below(whole.length * 8)
      flipped[bit >> 3] ^= 1 << (bit & 7)
      await writeFile(path, flipped)
      const read = await readAll(archive, 0).catch((error: { code: string }) => error.code)
      const checked = await archive.check(0).then(
        () => 'whole',
        (error: { code: string }) => error.code,
      )
      // Of the last block of a tail it is as if that had been torn; what is read is a beginning.
      const count = typeof read === 'string' ? 0 : read.length
      const isTorn = path === tail && typeof read !== 'string' && count < records.length
      expect(plain(typeof read === 'string' ? [] : read)).toEqual(plain(records.slice(0, count)))
      expect(checked).toBe(isTorn ? 'whole' : 'ARCHIVE_DAMAGED')
      if (typeof read === 'string') codes.add(read)
      else if (!isTorn) wholes.push(count)
      await writeFile(path, whole)
    }
    expect([...codes]).toEqual(['ARCHIVE_DAMAGED'])
    // Only of bits that say nothing of the records: of the head's counts, or the filling behind it.
    expect(wholes.filter((count) => count !== records.length)).toEqual([])
  }, 60_000)

  test('by a missing file, a cut one and one that was renamed is told with what is missing', async () => {
    const { archive, segments } = await filled(60)
    const [, second] = segments
    const bytes = await readFile(second)
    const name = /(\d+)-(\d+)\.segment$/.exec(second)!
    await rm(second)
    const missing = `offsets ${Number(name[1])} to ${Number(name[2]) - 1} are missing`
    for (const use of [() => archive.range(0), () => archive.writer(0, slow, 0)]) {
      await expect(use()).rejects.toMatchObject({
        code: 'ARCHIVE_DAMAGED',
        message: expect.stringContaining(missing) as unknown,
      })
    }
    await writeFile(second, bytes)
    await truncate(second, bytes.length - 1)
    await expect(readAll(archive, 0)).rejects.toMatchObject({ code: 'ARCHIVE_DAMAGED' })
    await writeFile(second, bytes)
    await rename(second, second.replace(name[1], name[1].replace('0', '9')))
    await expect(archive.range(0)).rejects.toMatchObject({ code: 'ARCHIVE_DAMAGED' })
  })

  test('by a missing beginning, or by nothing that is left, is told, and no archive begins anew', async () => {
    const { archive, segments } = await filled(60)
    const folder = dirname(segments[0])
    const told = async (text: string) => {
      for (const use of [
        () => archive.range(0),
        () => archive.check(0),
        () => archive.writer(0, slow, 99),
      ]) {
        const message: unknown = expect.stringContaining(text)
        await expect(use()).rejects.toMatchObject({ code: 'ARCHIVE_DAMAGED', message })
      }
    }
    const [, from, to] = /(\d+)-(\d+)\.segment$/.exec(segments[0])!
    await rm(segments[0])
    await told(`offsets ${Number(from)} to ${Number(to) - 1} are missing`)
    for (const name of await readdir(folder)) {
      if (!name.endsWith('.begin')) await rm(join(folder, name))
    }
    await told(`all files from offset ${Number(from)} on are missing`)
  })
})

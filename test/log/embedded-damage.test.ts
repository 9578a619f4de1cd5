/** What is broken in the files of an embedded log is reported, and never read as data. */
import { readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { EmbeddedLog } from '../../src/log/embedded-log.js'
import type { EventLog } from '../../src/log/log.js'
import { seededRandom } from '../support/random.js'
import { copyOf, harm } from '../support/rot.js'
import { changeLogRows } from '../support/tamper.js'
import { tempFolder } from '../support/temp-folder.js'

async function append(log: EventLog, topic: string, count: number, value = 'value'): Promise<void> {
  const transaction = log.begin('writer')
  for (let index = 0; index < count; index += 1) {
    const record = { key: Buffer.from('k'), value: Buffer.from(value), timestamp: 0, headers: null }
    transaction.append(topic, 0, record)
  }
  await transaction.commit()
}

/** A log of three blocks in `a` and one in `b`, closed. */
async function smallLog(): Promise<string> {
  const directory = join(await tempFolder(), 'log')
  const log = await EmbeddedLog.open(directory, { timeBase: { kind: 'none' } })
  await append(log, 'a', 10)
  await append(log, 'b', 1)
  await append(log, 'a', 1500)
  await log.close()
  return directory
}

async function readAll(log: EventLog, topic: string, fromOffset = 0): Promise<number> {
  const reader = log.reader(topic, 0, fromOffset)
  try {
    for (let count = 0; ;) {
      const { records, atEnd } = await reader.poll(1000, 0)
      count += records.length
      if (atEnd) return count
    }
  } finally {
    await reader.close()
  }
}

const damage = (text: RegExp) =>
  expect.objectContaining({
    code: 'LOG_DAMAGED',
    exit: 74,
    message: expect.stringMatching(text) as unknown,
  })

test('a flipped bit in a block is found when the block is read, and not before', async () => {
  const directory = await smallLog()
  await changeLogRows(directory, ({ kind, baseOffset, value }) => {
    if (kind === 'block' && baseOffset === 10) value[value.length >> 1] ^= 1
    return value
  })
  const log = await EmbeddedLog.open(directory)
  const reader = log.reader('a', 0, 0)
  expect((await reader.poll(10, 0)).records).toHaveLength(10)
  await expect(reader.poll(10, 0)).rejects.toEqual(
    damage(/a partition 0: offset 10 on: a checksum/),
  )
  expect(await readAll(log, 'b')).toBe(1)
  expect(await readAll(log, 'a', 1034)).toBe(476)
  await log.close()
})

test('a block that is gone is found when it is due', async () => {
  const directory = await smallLog()
  await changeLogRows(directory, ({ kind, baseOffset, value }) =>
    kind === 'block' && baseOffset === 10 ? null : value,
  )
  const log = await EmbeddedLog.open(directory)
  await expect(readAll(log, 'a')).rejects.toEqual(damage(/offsets 10 to 1033: records are missing/))
  await expect(readAll(log, 'a', 500)).rejects.toEqual(damage(/a partition 0: offsets 500 to/))
  await log.close()
})

test('a block under the key of another one is found', async () => {
  const directory = await smallLog()
  let first: Buffer | null = null
  await changeLogRows(directory, ({ kind, topic, baseOffset, value }) => {
    if (kind === 'block' && topic === 'a' && baseOffset === 0) first = Buffer.from(value)
    return kind === 'block' && topic === 'b' ? first : value
  })
  const log = await EmbeddedLog.open(directory)
  await expect(readAll(log, 'b')).rejects.toEqual(damage(/log of b partition 0: offset 0 on/))
  await log.close()
})

test.each([
  ['index', 0, /a partition 0: offsets 0 to 9: gap in the index/],
  ['index', 10, /a partition 0: offsets 10 to 1033: gap in the index/],
  ['index', 1034, /a partition 0: offsets 1034 to 1509: records are missing/],
] as const)(
  'an %s row that is gone (base offset %i) is found at the opening',
  async (kind, base, text) => {
    const directory = await smallLog()
    await changeLogRows(directory, (row) =>
      row.kind === kind && row.topic === 'a' && row.baseOffset === base ? null : row.value,
    )
    await expect(EmbeddedLog.open(directory)).rejects.toEqual(damage(text))
  },
)

test('a damaged or missing row of a partition, and a write that is missing as a whole, are found', async () => {
  const cases = [
    [
      (value: Buffer) =>
        Buffer.concat([value.subarray(0, 9), Buffer.from('!'), value.subarray(10)]),
      /partition 0 is damaged/,
    ],
    [() => null, /3 writes were counted, 0 are there/],
  ] as const
  for (const [change, text] of cases) {
    const directory = await smallLog()
    await changeLogRows(directory, ({ kind, value }) =>
      kind === 'partition' ? change(value) : value,
    )
    await expect(EmbeddedLog.open(directory)).rejects.toEqual(damage(text))
  }
})

test('an erasure that is gone or damaged is found before anybody replays', async () => {
  for (const change of [() => null, (value: Buffer) => Buffer.concat([value, Buffer.from('x')])]) {
    const directory = join(await tempFolder(), 'log')
    const log = await EmbeddedLog.open(directory)
    const transaction = log.begin('writer')
    const record = { key: Buffer.from('k'), value: null, timestamp: 0, headers: null }
    transaction.append('a', 0, record)
    transaction.append('a', 0, record)
    await transaction.commit()
    await log.close()
    await changeLogRows(directory, ({ kind, baseOffset, value }) =>
      kind === 'erasure' && baseOffset === 0 ? change(value) : value,
    )
    const again = await EmbeddedLog.open(directory)
    await expect(again.erasures('a', 0, 10)).rejects.toEqual(damage(/erasure/))
    await again.close()
  }
})

test.each(['CURRENT', 'MANIFEST', 'everything'])(
  'a log without %s is not taken for a new one',
  async (what) => {
    const directory = await smallLog()
    if (what === 'everything') await rm(directory, { recursive: true })
    for (const name of what === 'everything' ? [] : await readdir(directory)) {
      if (name.startsWith(what)) await rm(join(directory, name))
    }
    await expect(EmbeddedLog.open(directory)).rejects.toMatchObject({ code: 'LOG_DAMAGED' })
  },
)

test.each(['log that is open', 'log that was closed in order'])(
  'a byte that flips in the file of the newest writes of a %s',
  async (which) => {
    const directory = join(await tempFolder(), 'log')
    const log = await EmbeddedLog.open(directory, { timeBase: { kind: 'none' } })
    for (let commit = 0; commit < 20; commit += 1) await append(log, 'a', 3, `in commit ${commit}`)
    const copy = join(await tempFolder(), 'log')
    // A copy of what is on the disk now is what a kill would leave.
    if (which === 'log that is open') await copyOf(dirname(directory), dirname(copy))
    await log.close()
    if (which !== 'log that is open') await copyOf(dirname(directory), dirname(copy))
    const name = (await readdir(copy)).find((one) => one.endsWith('.log'))!
    const bytes = await readFile(join(copy, name))
    bytes[bytes.length >> 1] ^= 1
    await writeFile(join(copy, name), bytes)
    const held = await allOrDamage(copy)
    // Nobody can tell it from a torn write then; what is left is a prefix.
    expect(held === null ? 'damage' : held.length < 60).toBe(
      which === 'log that is open' ? true : 'damage',
    )
  },
)

test('a log without its marker is opened, and has one again', async () => {
  const directory = join(await tempFolder(), 'log')
  const log = await EmbeddedLog.open(directory, { timeBase: { kind: 'none' } })
  await append(log, 'a', 3, 'here')
  await log.close()
  await rm(`${directory}.id`)
  const again = await EmbeddedLog.open(directory, { mustExist: true })
  expect(again.id).toBe(log.id)
  expect(await allOf(again)).toHaveLength(3)
  await again.close()
  await rm(directory, { recursive: true })
  await expect(EmbeddedLog.open(directory)).rejects.toMatchObject({ code: 'LOG_DAMAGED' })
})

test('what a log is for ever cannot be asked to be otherwise', async () => {
  const directory = join(await tempFolder(), 'log')
  const timeBase = { kind: 'virtual', origin: 5, speed: 2 } as const
  await expect(EmbeddedLog.open(directory, { mustExist: true })).rejects.toMatchObject({
    code: 'LOG_MISSING',
    exit: 78,
  })
  const log = await EmbeddedLog.open(directory, { partitions: 3, timeBase })
  await expect(EmbeddedLog.open(directory)).rejects.toMatchObject({
    code: 'DIRECTORY_LOCKED',
    exit: 78,
  })
  await log.close()
  await expect(EmbeddedLog.open(directory, { partitions: 4 })).rejects.toMatchObject({
    code: 'PARTITIONS_MISMATCH',
    exit: 78,
  })
  await expect(
    EmbeddedLog.open(directory, { timeBase: { ...timeBase, speed: 3 } }),
  ).rejects.toMatchObject({ code: 'TIME_BASE_MISMATCH', exit: 78 })
  const again = await EmbeddedLog.open(directory, { partitions: 3, timeBase, mustExist: true })
  expect([again.id, again.timeBase, again.partitions('a')]).toEqual([log.id, timeBase, 3])
  await again.close()
})

test('after random harm a log that was not closed is damaged, or holds what it held', async () => {
  const directory = await tempFolder()
  const log = await EmbeddedLog.open(join(directory, 'log'), { timeBase: { kind: 'none' } })
  for (let commit = 0; commit < 60; commit += 1) {
    await append(log, 'a', commit % 9 === 0 ? 1500 : 3, `in commit ${commit}`)
  }
  const due = await allOf(log)
  await log.close()
  // Opened again, LevelDB turns its own log into a table.
  const again = await EmbeddedLog.open(join(directory, 'log'))
  await append(again, 'a', 5, 'in the last commit')
  due.push(...Array.from({ length: 5 }, () => 'in the last commit'))
  await again.close()
  const random = seededRandom(13)
  const target = await tempFolder()
  const unexplained: string[] = []
  let found = 0
  for (let round = 0; round < 80; round += 1) {
    await copyOf(directory, target)
    await writeFile(join(target, 'log.open'), '')
    const what = await harm(join(target, 'log'), random)
    const held = await allOrDamage(join(target, 'log'))
    if (held === null) found += 1
    else if (!isPrefix(held, due)) unexplained.push(what)
    // Only the newest commits can be missing, and only where LevelDB's own log was harmed.
    else if (held.length < due.length && !what.includes('.log')) unexplained.push(what)
  }
  expect(unexplained).toEqual([])
  expect(found).toBeGreaterThan(30)
})

async function allOf(log: EventLog): Promise<string[]> {
  const values: string[] = []
  const reader = log.reader('a', 0, 0)
  try {
    for (;;) {
      const { records, atEnd } = await reader.poll(1024, 0)
      for (const { value } of records) values.push(String(value))
      if (atEnd) return values
    }
  } finally {
    await reader.close()
  }
}

async function allOrDamage(directory: string): Promise<string[] | null> {
  let log: EmbeddedLog | null = null
  try {
    log = await EmbeddedLog.open(directory)
    return await allOf(log)
  } catch (error) {
    if ((error as { code?: string }).code === 'LOG_DAMAGED') return null
    throw error
  } finally {
    await log?.close()
  }
}

const isPrefix = (held: readonly string[], due: readonly string[]) =>
  held.every((value, index) => value === due[index])

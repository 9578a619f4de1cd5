/** Small blocks of live commits become full ones, and nobody who reads notices. */
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { EmbeddedLog } from '../../src/log/embedded-log.js'
import type { EventLog } from '../../src/log/log.js'
import { runChild } from '../support/child.js'
import { seededRandom } from '../support/random.js'
import { changeLogRows } from '../support/tamper.js'
import { tempFolder } from '../support/temp-folder.js'

async function commit(log: EventLog, from: number, count: number): Promise<void> {
  const transaction = log.begin('writer')
  for (let number = from; number < from + count; number += 1) {
    const value = Buffer.from(String(number))
    transaction.append('a', 0, { key: null, value, timestamp: number, headers: null })
  }
  transaction.append('b', 0, { key: Buffer.from('k'), value: null, timestamp: from, headers: null })
  await transaction.commit()
}

async function numbers(log: EventLog, from = 0): Promise<number[]> {
  const reader = log.reader('a', 0, from)
  const found: number[] = []
  for (;;) {
    const { records, atEnd } = await reader.poll(500, 0)
    for (const { value } of records) found.push(Number(value!.toString()))
    if (atEnd) break
  }
  await reader.close()
  return found
}

async function blocksOf(directory: string, topic: string): Promise<number[]> {
  const blocks: number[] = []
  await changeLogRows(directory, (row) => {
    if (row.kind === 'block' && row.topic === topic) blocks.push(row.baseOffset)
    return row.value
  })
  return blocks
}

function repeated(times: number, size: number): number[] {
  return Array.from({ length: times }, () => size)
}

/** Mostly of one class, then of another, as rates rise and fall. */
function anySizes(seed: number): number[] {
  const random = seededRandom(seed)
  const sizes: number[] = []
  while (sizes.length < 600) {
    const most = [12, 120, 400, 900, 1500][random.below(5)]
    for (let left = random.below(60); left > 0; left -= 1) sizes.push(1 + random.below(most))
  }
  return sizes
}

const upTo = (count: number, from = 0) => Array.from({ length: count - from }, (_, i) => from + i)

test('thousands of commits leave a few blocks, with the same records at the same offsets', async () => {
  const directory = join(await tempFolder(), 'log')
  const log = await EmbeddedLog.open(directory, { timeBase: { kind: 'none' } })
  for (let at = 0; at < 3000; at += 1) await commit(log, at, 1)
  expect(await numbers(log)).toEqual(upTo(3000))
  expect((await log.last('a', 0))?.offset).toBe(2999)
  await log.close()
  expect((await blocksOf(directory, 'a')).length).toBeLessThan(50)
  const again = await EmbeddedLog.open(directory)
  expect(await numbers(again)).toEqual(upTo(3000))
  expect(await again.erasures('b', 0, Infinity)).toEqual(new Map([['k', 2999]]))
  await again.close()
})

test('readers go on over borders that move while they read', async () => {
  const directory = join(await tempFolder(), 'log')
  const log = await EmbeddedLog.open(directory, { timeBase: { kind: 'none' } })
  const random = seededRandom(3)
  const readers = Array.from({ length: 4 }, () => ({ reader: log.reader('a', 0, 0), found: 0 }))
  let at = 0
  for (let round = 0; round < 400; round += 1) {
    const count = random.below(40) === 0 ? 1500 : 1 + random.below(30)
    const committing = commit(log, at, count)
    at += count
    // Reads run beside the commit and the merge behind it.
    const chosen = readers[random.below(4)]
    const { records } = await chosen.reader.poll(1 + random.below(300), 0)
    for (const { offset, value } of records) {
      expect([offset, value!.toString()]).toEqual([chosen.found, String(chosen.found)])
      chosen.found += 1
    }
    const from = random.below(at - count + 1)
    const found = await numbers(log, from)
    expect(found).toEqual(upTo(from + found.length, from))
    await committing
  }
  expect(await numbers(log)).toEqual(upTo(at))
  await log.close()
})

test.each([
  {
    name: 'a border between what is merged and what is not',
    sizes: [300, ...repeated(16, 100), ...repeated(15, 300)],
  },
  ...[1, 2, 3, 4].map((seed) => ({
    name: `commits of all sizes (seed ${seed})`,
    sizes: anySizes(seed),
  })),
])('a log with $name opens again with all records', async ({ sizes }) => {
  const directory = join(await tempFolder(), 'log')
  let at = 0
  // Twice: what one process left small, the next one finds before its own.
  for (let process = 0; process < 2; process += 1) {
    const log = await EmbeddedLog.open(directory, { timeBase: { kind: 'none' } })
    expect(await numbers(log)).toEqual(upTo(at))
    for (const size of sizes) {
      await commit(log, at, size)
      at += size
    }
    expect(await numbers(log)).toEqual(upTo(at))
    await log.close()
  }
  const log = await EmbeddedLog.open(directory)
  expect(await numbers(log)).toEqual(upTo(at))
  await log.close()
})

test('large records are not merged again and again', async () => {
  const directory = join(await tempFolder(), 'log')
  const log = await EmbeddedLog.open(directory, { timeBase: { kind: 'none' } })
  for (let number = 0; number < 40; number += 1) {
    const transaction = log.begin('writer')
    const value = Buffer.alloc(200_000, number)
    transaction.append('a', 0, { key: null, value, timestamp: 0, headers: null })
    await transaction.commit()
  }
  await log.close()
  const blocks = await blocksOf(directory, 'a')
  // Sixteen of 200 kB make six blocks of three or less; half a megabyte closes a block.
  expect(blocks.length).toBeLessThan(30)
})

test('a process that is killed before a merge leaves the small blocks as they were', async () => {
  const directory = join(await tempFolder(), 'log')
  const child = await runChild('log/commit-until-killed.ts', [directory, '60'], {
    failpoint: 'log.before-merge:kill:3',
  })
  expect(child.signal).toBe('SIGKILL')
  const log = await EmbeddedLog.open(directory)
  const commits = await log.endOffset('changelog', 0)
  expect(commits).toBeGreaterThanOrEqual(child.lines.length)
  const reader = log.reader('changelog', 0, 0)
  const { records } = await reader.poll(1000, 0)
  expect(records.map((record) => Number(record.value!.toString()))).toEqual(upTo(commits))
  await log.close()
})

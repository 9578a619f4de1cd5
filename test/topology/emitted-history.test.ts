/** Histories have the rows at the places that were kept, whichever way the log is read. */
import { join } from 'node:path'
import { ClassicLevel } from 'classic-level'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { EmbeddedLog } from '../../src/log/embedded-log.js'
import { type EventLog, topicsOf } from '../../src/log/log.js'
import { MemoryLog } from '../../src/log/memory-log.js'
import { emittedHistory } from '../../src/topology/emitted-history.js'
import { layout } from '../support/kill/churn-parts.js'
import { seededRandom } from '../support/random.js'
import { tempFolder } from '../support/temp-folder.js'

const topics = topicsOf('churn')
const customers = 5

const logs: Readonly<Record<string, () => Promise<EventLog>>> = {
  memory: async () => new MemoryLog({ timeBase: { kind: 'none' } }),
  embedded: async () => {
    const folder = join(await tempFolder(), 'log')
    const log = await EmbeddedLog.open(folder, { timeBase: { kind: 'none' } })
    onTestFinished(() => log.close())
    return log
  },
}

/** Small commits and large ones, so that blocks are merged and full; answers whose each row is. */
async function fill(log: EventLog): Promise<string[]> {
  const random = seededRandom(1)
  const rows: string[] = []
  for (let commit = 0; commit < 300; commit++) {
    const transaction = log.begin('task-0')
    const count = commit % 50 === 0 ? 1_500 : 1 + random.below(4)
    for (let i = 0; i < count; i++) {
      const customer = `c${random.below(customers)}`
      const record = (value: string) => ({
        key: Buffer.from(customer),
        value: Buffer.from(value),
        timestamp: commit,
        headers: random.below(3) === 0 ? ([['a', Buffer.from('b')]] as const) : null,
      })
      transaction.append(topics.features, 0, record(`row ${rows.length}`))
      transaction.append(topics.scores, 0, record(`score ${rows.length}`))
      rows.push(customer)
    }
    await transaction.commit()
  }
  return rows
}

/** How often an iterator over blocks is opened while `work` runs. */
async function blockReads(work: () => Promise<unknown>): Promise<number> {
  const iterator = vi.spyOn(ClassicLevel.prototype, 'iterator')
  await work()
  const reads = iterator.mock.calls.length
  iterator.mockRestore()
  return reads
}

test('records of one block are read with one look at it, and asked for again with none', async () => {
  const log = await logs['embedded']()
  await fill(log)
  // The first commit fills a block of 1,024 records.
  const offsets = Array.from({ length: 100 }, (_, index) => index * 10)
  const read = () => log.recordsAt!(topics.features, 0, offsets)
  expect(await blockReads(read)).toBeLessThanOrEqual(4)
  expect(await blockReads(read)).toBe(0)
  const records = await read()
  const sorted = records.toSorted((a, b) => a.offset - b.offset)
  expect(sorted.map(({ value }) => String(value))).toEqual(offsets.map((offset) => `row ${offset}`))
})

describe.each(Object.entries(logs))('%s log', (_, open) => {
  test('rows and scores of a customer come from their places', async () => {
    const log = await open()
    const rows = await fill(log)
    const { rowsAt } = emittedHistory(log, topics, layout)
    for (let number = 0; number < customers; number++) {
      const customer = `c${number}`
      const own = rows.flatMap((one, offset) => (one === customer ? [offset] : []))
      const offsets = own.filter((_, index) => index % 37 === 0 || index > own.length - 20)
      const places = offsets.toReversed().map((offset) => [offset, offset] as const)
      const found = await rowsAt(0, customer, places)
      const texts = found.map((row) => row && `${String(row.features)}, ${String(row.score)}`)
      expect(texts).toEqual(places.map(([offset]) => `row ${offset}, score ${offset}`))
    }
  })

  test('a place where somebody else stands has no row of his', async () => {
    const log = await open()
    const rows = await fill(log)
    const { rowsAt } = emittedHistory(log, topics, layout)
    const other = rows.findIndex((customer) => customer !== 'c0')
    expect(await rowsAt(0, 'c0', [[other, other]])).toEqual([null])
  })
})

/** The disk refuses: nothing that was promised is lost, and nothing is written behind a torn write. */
import { join } from 'node:path'
import { ClassicLevel } from 'classic-level'
import { expect, onTestFinished, test, vi } from 'vitest'
import { EmbeddedLog } from '../../src/log/embedded-log.js'
import type { EventLog } from '../../src/log/log.js'
import { canMount, smallDisk } from '../support/small-disk.js'
import { tempFolder } from '../support/temp-folder.js'

const refusal = { code: 'LOG_WRITE_FAILED', exit: 74, retry: 'never' }
const full = { code: 'DISK_FULL', exit: 74 }

async function commit(log: EventLog, number: number, bytes = 100): Promise<void> {
  const transaction = log.begin('writer')
  const value = Buffer.alloc(bytes, number)
  transaction.append('a', 0, { key: null, value, timestamp: number, headers: null })
  await transaction.commit()
}

/** Makes LevelDB's batches fail with EIO, before or after they are written. */
async function failingBatches(when: 'before' | 'after') {
  const db = new ClassicLevel(join(await tempFolder(), 'db'))
  await db.open()
  const batch = db.batch()
  const prototype = Object.getPrototypeOf(batch) as typeof batch
  await batch.close()
  await db.close()
  const spy = vi.spyOn(prototype, 'write')
  spy.mockImplementation(async function (this: typeof batch, ...args: [object]) {
    if (when === 'after') {
      spy.mockRestore()
      await this.write(...args)
    }
    throw new Error('IO error: Input/output error')
  })
  onTestFinished(() => spy.mockRestore())
  return spy
}

test.each(['before', 'after'] as const)(
  'a write that fails %s it reached the disk ends the writing, and its fate is seen when reopened',
  async (when) => {
    const directory = join(await tempFolder(), 'log')
    const log = await EmbeddedLog.open(directory, { timeBase: { kind: 'wall' }, clock: () => 1000 })
    await commit(log, 0)
    const spy = await failingBatches(when)
    const group = await Promise.allSettled([commit(log, 1), log.begin('other').commit()])
    for (const one of group) {
      expect(one).toMatchObject({ status: 'rejected', reason: refusal })
    }
    spy.mockRestore()
    // The disk works again, but what stands behind a torn record would be lost with it.
    await expect(commit(log, 2)).rejects.toMatchObject(refusal)
    expect(await log.endOffset('a', 0)).toBe(1)
    const poll = await log.reader('a', 0, 0).poll(10, 0)
    expect(poll.records).toHaveLength(1)
    expect(poll.caughtUpAt).toBe(1000)
    await log.close()
    const again = await EmbeddedLog.open(directory)
    expect(await again.endOffset('a', 0)).toBe(when === 'after' ? 2 : 1)
    await commit(again, 3)
    await again.close()
  },
)

test.skipIf(!canMount)('on a full disk the log stops, and goes on when there is room', async () => {
  const disk = await smallDisk(48)
  const directory = join(disk.folder, 'log')
  let log = await EmbeddedLog.open(directory, { timeBase: { kind: 'none' } })
  await disk.fill(3000)
  let committed = 0
  const filling = async () => {
    for (; committed < 1000; committed += 1) await commit(log, committed, 20_000)
  }
  await expect(filling()).rejects.toMatchObject(full)
  expect(committed).toBeGreaterThan(50)
  expect(await log.endOffset('a', 0)).toBe(committed)
  await log.close()
  await expect(EmbeddedLog.open(directory)).rejects.toMatchObject(full)
  await disk.release()
  log = await EmbeddedLog.open(directory)
  const there = await log.endOffset('a', 0)
  expect([committed, committed + 1]).toContain(there)
  await commit(log, there)
  const { records } = await log.reader('a', 0, 0).poll(10_000, 0)
  expect(records[0].value).toEqual(Buffer.alloc(20_000, 0))
  await log.close()
})

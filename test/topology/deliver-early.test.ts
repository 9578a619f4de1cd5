/** Commits that are shown early, over a log in memory: it shows nothing before the end. */
import { expect, test } from 'vitest'
import { ioError, TidemarkError } from '../../src/errors.js'
import { MemoryLog } from '../../src/log/memory-log.js'
import { appendRecords, randomRecords } from '../replay/support.js'
import { app, type RunOptions, runToIdle, topics, verifyLog } from '../replay/verify-support.js'

const records = randomRecords({ seed: 2, partitions: 2, events: 300, customers: 20 })
const early: RunOptions = { delivery: 'atLeastOnce', retryAfterMs: 1, commitAgeMsMax: 5 }
const none = { kind: 'none' } as const

test('commits over a log that shows nothing early are transactions of their own', async () => {
  let transactions = 0
  const log = new MemoryLog({
    partitions: 2,
    timeBase: none,
    beforeDurable: async (id) => void (transactions += Number(id.startsWith('task-'))),
  })
  await appendRecords(app, log, records)
  await runToIdle(log, early)
  expect(await verifyLog(log)).toMatchObject({ ok: true, records: 300, uncommitted: 0 })
  const ends = await Promise.all([0, 1].map((p) => log.endOffset(topics.changelog, p)))
  expect(transactions).toBe(ends[0] + ends[1])
})

test('a commit that fails, or whose reply is lost, is neither lost nor doubled', async () => {
  let commits = 0
  const fails = async (id: string, every: number): Promise<void> => {
    if (!id.startsWith('task-') || ++commits % every !== 0) return
    const { code, message, exit } = ioError('LOG_WRITE_FAILED', 'the disk refused')
    throw new TidemarkError(code, message, { exit, retry: 'now' })
  }
  const log = new MemoryLog({
    partitions: 2,
    timeBase: none,
    beforeDurable: (id) => fails(id, 7),
    beforeReply: (id) => fails(id, 5),
  })
  await appendRecords(app, log, records)
  await runToIdle(log, early)
  expect(commits).toBeGreaterThan(20)
  expect(await verifyLog(log)).toMatchObject({ ok: true, records: 300, uncommitted: 0 })
})

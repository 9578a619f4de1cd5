import { expect, it } from 'vitest'
import { MemoryLog } from '../../src/log/memory-log.js'
import { topicsOf } from '../../src/log/log.js'
import { explain, type ExplainOptions } from '../../src/replay/explain.js'
import { appendRecords, randomRecords, vectorsApp } from './support.js'

const dayMs = 86_400_000
const count = 4_000

/** Half a year of ten customers, and how `c1` is explained there. */
async function asked() {
  const app = vectorsApp()
  const { events: topic } = topicsOf(app.name)
  const log = new MemoryLog({ timeBase: { kind: 'none' } })
  const records = randomRecords({ seed: 3, partitions: 1, events: count, customers: 10 })
  await appendRecords(app, log, records)
  const read = { records: 0 }
  const of = (more: Pick<ExplainOptions, 'at' | 'historyBytesMax'>) =>
    explain({
      app,
      log,
      topic,
      partition: 0,
      customer: 'c1',
      origin: 0,
      endOffset: count,
      signal: new AbortController().signal,
      onProgress: (done) => (read.records = done),
      ...more,
    })
  return {
    of,
    read,
    at: (day: number) => ({ asOf: records[0].loggedAt + day * dayMs, whole: false }),
  }
}

it('reads the log no further than to what was known at the instant', async () => {
  const { of, read, at } = await asked()
  const early = await of({ at: at(20) })
  expect(read.records).toBeLessThan(count / 2)
  const whole = await of({ at: null })
  expect(read.records).toBe(count)
  expect(early!.events.length).toBeGreaterThan(5)
  expect(whole!.asOf).toBeGreaterThan(early!.asOf)
})

it('refuses a customer whose events are more than memory may hold, and tells an earlier instant', async () => {
  const { of, at } = await asked()
  const historyBytesMax = 64 * 1024
  await expect(of({ at: null, historyBytesMax })).rejects.toMatchObject({
    code: 'HISTORY_TOO_LARGE',
    exit: 74,
  })
  const early = await of({ at: at(20), historyBytesMax })
  expect(early).toEqual(await of({ at: at(20) }))
})

import { beforeAll, describe, expect, it } from 'vitest'
import { OutputRows } from '../../src/events/output-rows.js'
import type { StoredRecord } from '../../src/log/log.js'
import { MemoryLog } from '../../src/log/memory-log.js'
import { noModel } from '../../src/scoring/no-model.js'
import { startEngine } from '../../src/topology/engine.js'
import { seededRandom } from '../support/random.js'
import { recordsOf } from '../ingest/support.js'
import { appendRecords, randomRecords } from './support.js'
import {
  app,
  champion,
  copyLog,
  fallback,
  layout,
  partsOf,
  runToIdle,
  topics,
  verifyLog,
} from './verify-support.js'

const none = { kind: 'none' } as const
const records = randomRecords({ seed: 3, partitions: 2, events: 1500, customers: 90 })
const log = new MemoryLog({ partitions: 2, timeBase: none })
const rows = new OutputRows(layout)

beforeAll(async () => {
  await appendRecords(app, log, records)
  await runToIdle(log)
})

const clean = { mismatches: 0, missing: 0, ok: true, findings: [], bundlesMissing: {} }

describe('what was emitted', () => {
  it('is derived again, every row and score of it', async () => {
    const report = await verifyLog(log)
    expect(report).toMatchObject({ ...clean, records: 1500, uncommitted: 0, scoresWithin: 0 })
    const emitted = (await recordsOf(log, topics.features)).length
    expect(report.features).toBe(emitted + (await recordsOf(log, topics.features, 1)).length)
    expect(report.scores).toBe(report.features)
    expect(report.commits).toBeGreaterThan(20)
  })

  it('holds rows by time, and degraded scores of the fallback and of nobody', async () => {
    const scores = (await recordsOf(log, topics.scores)).map(({ value }) =>
      rows.decodeScore(value!),
    )
    expect(scores.filter(({ cause }) => cause === 'time').length).toBeGreaterThan(20)
    const reasons = new Set(scores.map(({ degraded }) => degraded))
    expect(reasons).toEqual(new Set([null, 'SCORE_INVALID', 'FALLBACK_FAILED']))
    expect(new Set(scores.map(({ servedBy }) => servedBy.name)).size).toBe(2)
  })

  it('is verified with a state larger than memory', async () => {
    expect(await verifyLog(log, { hotBytesMax: 20_000 })).toMatchObject(clean)
  })

  it('is verified in samples', async () => {
    const whole = await verifyLog(log)
    const half = await verifyLog(log, { sample: 50 })
    expect(half).toMatchObject({ ...clean, records: 1500 })
    expect(half.features).toBeGreaterThan(0)
    expect(half.features).toBeLessThan(whole.features)
    expect(half.unsampled).toBeGreaterThan(0)
  })

  it('is verified without a model', async () => {
    const own = new MemoryLog({ partitions: 2, timeBase: none })
    await appendRecords(app, own, records.slice(0, 200))
    await runToIdle(own, { scoring: noModel })
    const report = await verifyLog(own, { scorerOf: async () => null })
    expect(report).toMatchObject(clean)
    expect(report.scores).toBeGreaterThan(20)
  })

  it('is counted as unchecked where its bundle is not at hand', async () => {
    const scorerOf = async (hash: string) => (hash === champion.bundle.hash ? champion : null)
    const report = await verifyLog(log, { scorerOf })
    expect(report).toMatchObject({ mismatches: 0, missing: 0, ok: true })
    const left = report.bundlesMissing[fallback.bundle.hash]
    expect(left).toBeGreaterThan(0)
    expect(report.scores + left).toBe(report.features)
  })

  it('is verified up to the last commit', async () => {
    const longer = await copyLog(log)
    await appendRecords(app, longer, records.slice(0, 10))
    expect(await verifyLog(longer)).toMatchObject({ ...clean, records: 1500, uncommitted: 10 })
  })

  it('is verified across ticks, restarts and erasures', async () => {
    let wall = 1_000_000
    const timeBase = { kind: 'virtual', origin: Date.UTC(2024, 0, 1), speed: 86_400 } as const
    const clock = (): number => wall
    const own = new MemoryLog({ partitions: 2, timeBase, clock })
    const random = seededRandom(5)
    const settings = { wallClock: clock, idleWaitMs: 1, lagAllowanceMs: 0, timersPerCommitMax: 3 }
    const part = records.filter(({ loggedAt }) => loggedAt < Date.UTC(2024, 2, 20))
    for (let at = 0; at < part.length;) {
      const engine = startEngine(partsOf(own, settings), { app: app.name, synthetic: true })
      await engine.idle()
      for (let round = 0; round < 8; round++) {
        const due = part.slice(at).findIndex(({ loggedAt }) => loggedAt > own.now()!)
        const end = due < 0 ? part.length : at + due
        if (end > at) await appendRecords(app, own, part.slice(at, end))
        at = end
        if (random.below(3) === 0) await erase(own, part[Math.max(0, at - 1)].body.customer_id)
        wall += 1000 * (1 + random.below(3))
        await engine.idle()
      }
      await engine.stop()
    }
    const report = await verifyLog(own)
    expect(report).toMatchObject(clean)
    expect(report.erased).toBeGreaterThan(0)
    expect(report.features).toBeGreaterThan(100)
  })
})

async function erase(own: MemoryLog, customer: string): Promise<void> {
  const { partition } = records.find(({ body }) => body.customer_id === customer)!
  const transaction = own.begin('eraser')
  const key = Buffer.from(customer)
  transaction.append(topics.events, partition, {
    key,
    value: null,
    timestamp: own.now()!,
    headers: null,
  })
  await transaction.commit()
}

describe('what was changed behind our back', () => {
  const withValue = (record: StoredRecord, value: Buffer) => [{ ...record, value }]

  it.each(['features', 'scores'] as const)('any flipped byte in %s is named', async (name) => {
    const small = new MemoryLog({ timeBase: none })
    const some = { seed: 4, partitions: 1, events: 150, customers: 20 }
    await appendRecords(app, small, randomRecords(some))
    await runToIdle(small)
    const topic = topics[name]
    // Where no model answered, nothing but the score itself says whose bundle was asked.
    const emitted = (await recordsOf(small, topic)).filter(
      ({ value }) => !value!.includes('FALLBACK_FAILED'),
    )
    const random = seededRandom(11)
    for (let round = 0; round < 80; round++) {
      const { offset, value, key } = emitted[random.below(emitted.length)]
      const damaged = Buffer.from(value!)
      damaged[random.below(damaged.length)] ^= 1 << random.below(8)
      const copy = await copyLog(small, (of, record) =>
        of === topic && record.offset === offset ? withValue(record, damaged) : [record],
      )
      const report = await verifyLog(copy)
      expect(report).toMatchObject({ ok: false, mismatches: 1, missing: 0 })
      expect(report.findings[0]).toMatchObject({ topic, offset, customer: key!.toString() })
    }
  })

  it.each(['features', 'scores'] as const)('a row dropped from %s is named', async (name) => {
    const topic = topics[name]
    const emitted = await recordsOf(log, topic)
    for (const nth of [0, 17, 150, emitted.length - 1]) {
      const gone = emitted[nth]
      const row =
        name === 'features' ? rows.decodeFeatures(gone.value!) : rows.decodeScore(gone.value!)
      const copy = await copyLog(log, (of, record) =>
        of === topic && record.value!.equals(gone.value!) ? [] : [record],
      )
      const report = await verifyLog(copy)
      expect(report).toMatchObject({ ok: false, mismatches: 0, missing: 1 })
      const { customer, commit } = row
      expect(report.findings[0]).toMatchObject({ kind: 'missing', topic, customer, commit })
    }
  })

  it('a customer dropped from both topics is named, by event and by time', async () => {
    for (const cause of ['event', 'time'] as const) {
      const all = (await recordsOf(log, topics.features)).map(({ value }) =>
        rows.decodeFeatures(value!),
      )
      const gone = all.filter((row) => row.cause === cause)[20]
      const copy = await copyLog(log, (of, record) => {
        if (of !== topics.features && of !== topics.scores) return [record]
        const row =
          of === topics.features
            ? rows.decodeFeatures(record.value!)
            : rows.decodeScore(record.value!)
        return row.customer === gone.customer && row.commit === gone.commit ? [] : [record]
      })
      const report = await verifyLog(copy)
      expect(report).toMatchObject({ ok: false, mismatches: 0, missing: 2 })
      const { customer, commit } = gone
      expect(report.findings[0]).toMatchObject({ kind: 'missing', customer, commit })
    }
  })

  it('a row that stands twice is named', async () => {
    const copy = await copyLog(log, (of, record) =>
      of === topics.scores && record.offset === 5 ? [record, record] : [record],
    )
    const report = await verifyLog(copy)
    // One in each of the two partitions.
    expect(report).toMatchObject({ ok: false, mismatches: 2, missing: 0 })
    expect(report.findings[0]).toMatchObject({ kind: 'double', offset: 6 })
  })

  it.each([
    ['a commit left out', 'commit'],
    ['a clock moved', 'logClock'],
    ['a count changed', 'counts'],
  ])('%s is named', async (_, what) => {
    const copy = await copyLog(log, (of, record) => {
      if (of !== topics.changelog || record.offset !== 4) return [record]
      const position = JSON.parse(record.value!.toString()) as Record<string, unknown>
      if (what === 'commit') return []
      if (what === 'logClock') position['logClock'] = (position['logClock'] as number) - 1
      else position['counts'] = { ...(position['counts'] as object), accepted: 7 }
      return withValue(record, Buffer.from(JSON.stringify(position)))
    })
    const report = await verifyLog(copy)
    expect(report.ok).toBe(false)
    expect(report.findings[0].kind).toBe('position')
  })

  it('a score of another runtime may differ in its last digits, and no more', async () => {
    const nudged = (by: number, runtime: string | null) =>
      copyLog(log, (of, record) => {
        if (of === topics.changelog) {
          const position = { ...JSON.parse(record.value!.toString()), runtime } as object
          return withValue(record, Buffer.from(JSON.stringify(position)))
        }
        if (of !== topics.scores) return [record]
        const score = rows.decodeScore(record.value!)
        if (score.probability === null) return [record]
        const value = Buffer.from(record.value!)
        const at = value.indexOf(floatBytes(score.probability))
        value.writeFloatLE(score.probability + by, at)
        return withValue(record, value)
      })
    expect((await verifyLog(await nudged(3e-7, 'test 1'))).ok).toBe(false)
    const report = await verifyLog(await nudged(3e-7, 'test 2'))
    expect(report.ok).toBe(true)
    expect(report.scoresWithin).toBeGreaterThan(100)
    expect((await verifyLog(await nudged(1e-4, 'test 2'))).ok).toBe(false)
  })

  it('outputs of another declaration are refused', async () => {
    const other = { ...layout, appHash: '0'.repeat(64) }
    const refused = verifyLog(log, { layout: other })
    await expect(refused).rejects.toMatchObject({ code: 'STATE_OF_ANOTHER_APP', exit: 78 })
  })
})

function floatBytes(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeFloatLE(value)
  return bytes
}

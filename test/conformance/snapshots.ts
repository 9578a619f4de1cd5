/**
 * What every snapshot store keeps, whichever the technology: N1 to N3 of the port, and a random run
 * against a plain model.
 */
import { describe, expect, test } from 'vitest'
import type { ChangeHead } from '../../src/events/output-changes.js'
import { AvroWriter } from '../../src/events/avro-writer.js'
import { RowReader } from '../../src/events/row-reader.js'
import type { RedisRowTexts } from '../../src/snapshots/redis-row.js'
import type { HistoryOptions } from '../../src/snapshots/stored-changes.js'
import { riskLevels } from '../../src/snapshots/top-lists.js'
import type {
  PartitionProof,
  SnapshotCursor,
  SnapshotPut,
  SnapshotStore,
} from '../../src/snapshots/snapshots.js'
import { riskLevelOf } from '../../src/scoring/risk.js'
import { NaiveTop } from '../support/naive-top.js'
import { seededRandom } from '../support/random.js'

/** A place where snapshots live: opened, and opened again after the process has died. */
export interface SnapshotsPlace {
  open(): Promise<SnapshotStore>
  /** The end of the process: what was not flushed is gone. */
  crash(): Promise<void>
}

const row = (customer: string, features: string | null, score: string | null): SnapshotPut => ({
  customer,
  features: features === null ? null : Buffer.from(features),
  score: score === null ? null : Buffer.from(score),
})

const proofOf = (commit: number, partition = 0): PartitionProof => ({
  partition,
  asOf: commit * 1000,
  endOffset: commit * 10,
  commit,
  caughtUp: commit % 2 === 0,
})

/** Records of a commit in the made-up output topics, at most. */
const recordsMax = 10_000

const cursorOf = (commit: number): SnapshotCursor => ({
  commit,
  featuresOffset: (commit + 1) * recordsMax,
  scoresOffset: (commit + 1) * recordsMax + 7,
})

/** The made-up output topics: by customer and offset, what was put of him last. */
const emitted = new Map<string, SnapshotPut>()

const placeOf = (customer: string, offset: number) => `${customer} at ${offset}`

const DAY_MS = 86_400_000

/** A row that has a place in top lists; its commit is the number at the end, as of any row. */
export const scoredRow = (
  customer: string,
  commit: number,
  asOf: number,
  score: number,
  note = '',
) => row(customer, `at ${asOf} scored ${Math.fround(score)} ${note} ${commit}`, String(score))

/** Changes of made-up rows: the number in a row's text stands for its commit. */
export const madeUpChanges = {
  head(features: Uint8Array): ChangeHead {
    const text = Buffer.from(features).toString('latin1')
    const [, asOf, score] = /at (\d+) scored (\S+)/.exec(text) ?? []
    const probability = Number(score ?? NaN)
    const risk = riskLevelOf(probability)
    return {
      asOf: Number(asOf ?? 0),
      cause: 'event',
      retired: /retired/.test(text),
      probability,
      risk,
    }
  },

  asOf: (features: Uint8Array) => madeUpChanges.head(features).asOf,

  encode(features: Uint8Array): Buffer {
    const writer = new AvroWriter()
    writer.long(Number(/[0-9]+$/.exec(Buffer.from(features).toString())?.[0] ?? 0))
    writer.raw(features)
    return writer.take()
  },
}

/** Histories of made-up rows, which are read where `put` has put them. */
export const madeUpHistory: HistoryOptions = {
  changes: madeUpChanges,
  async rowsAt(_, customer, places) {
    return places.map(([offset, scoreOffset]) => {
      expect(scoreOffset).toBe(offset + 7)
      const { features = null, score = null } = emitted.get(placeOf(customer, offset)) ?? {}
      return features && { features, score }
    })
  },
}

/** What Redis shows of made-up rows. */
export const madeUpTexts: RedisRowTexts = {
  features: (bytes) => {
    const text = Buffer.from(bytes).toString()
    const { asOf, retired } = madeUpChanges.head(bytes)
    return { asOf, validUntil: null, retired, values: JSON.stringify({ text }) }
  },
  score: (bytes) => {
    const probability = Math.fround(Number(Buffer.from(bytes).toString()))
    const scored = Number.isNaN(probability) ? null : probability
    return { probability: scored, risk: riskLevelOf(probability) ?? 'unknown', model: 'model/1' }
  },
}

/** The texts in a customer's history, newest first. */
async function story(snapshots: SnapshotStore, customer: string, most?: number): Promise<string[]> {
  const changes = await snapshots.history(customer, most)
  return changes.map((change) => {
    const row = new RowReader()
    row.open(change, 0)
    row.long()
    return row.bytes.toString('utf8', row.at)
  })
}

/** The top lists of partition 0, once all customers have been looked at. */
async function wholeTop(snapshots: SnapshotStore) {
  await snapshots.flush()
  await expect.poll(() => snapshots.top(0)?.complete, { timeout: 10_000 }).toBe(true)
  const { since, risk, change } = snapshots.top(0)!
  const ids = (lists: typeof risk) => riskLevels.map((level) => lists[level].map((e) => e.customer))
  const moves = change.high.map(({ movedBy }) => Number(movedBy!.toFixed(3)))
  return { since, risk: ids(risk), change: ids(change), moves }
}

/** Puts as the engine does: one commit with its proof and cursor. */
async function put(
  snapshots: SnapshotStore,
  commit: number,
  puts: readonly SnapshotPut[],
  partition = 0,
): Promise<void> {
  const cursor = cursorOf(commit)
  const first = cursor.featuresOffset - puts.length
  puts.forEach((one, index) => emitted.set(placeOf(one.customer, first + index), one))
  await snapshots.put(puts, proofOf(commit, partition), cursor)
}

async function seen(snapshots: SnapshotStore, customer: string) {
  const snapshot = await snapshots.get(customer)
  if (snapshot === null) return null
  const { version, partition, features, score } = snapshot
  expect(snapshot.customer).toBe(customer)
  const text = (bytes: Uint8Array | null) => bytes && Buffer.from(bytes).toString()
  return { version, partition, features: text(features), score: text(score) }
}

export function snapshotsConformance(name: string, place: () => Promise<SnapshotsPlace>): void {
  describe(`${name}:`, () => {
    test('a scan gives everybody who is not erased, as of what was flushed', async () => {
      const snapshots = await (await place()).open()
      const many = Array.from({ length: 5000 }, (_, i) => row(`c${i}`, `f${i}`, `s${i}`))
      await put(snapshots, 1, [...many, row('gone', 'f', null), row('bare', 'f', null)])
      await put(snapshots, 2, [row('c7', 'new', null), row('gone', null, null)])
      await snapshots.flush()
      const found = new Map<string, string | null>()
      for await (const portion of snapshots.scan()) {
        for (const { customer, features, score } of portion) {
          expect(found.has(customer)).toBe(false)
          found.set(customer, `${String(features)} ${String(score)}`)
        }
      }
      expect(found.size).toBe(5001)
      const some = ['c7', 'c4999', 'bare', 'gone'].map((customer) => found.get(customer))
      expect(some).toEqual(['new null', 'f4999 s4999', 'f null', undefined])
      await snapshots.close()
    })

    test('a new store knows nobody and has no cursor and no proof', async () => {
      const snapshots = await (await place()).open()
      expect(await snapshots.get('a')).toBeNull()
      expect(await snapshots.getMany(['a', 'b'])).toEqual([null, null])
      expect(await snapshots.cursor(0)).toBeNull()
      expect(snapshots.proof(0)).toBeNull()
      await snapshots.close()
    })

    test('a put is seen at once, as the bytes that were put', async () => {
      const snapshots = await (await place()).open()
      await put(snapshots, 1, [row('a', 'features a', 'score a'), row('ü中🙂', '', null)], 3)
      const a = { version: 1, partition: 3, features: 'features a', score: 'score a' }
      expect(await seen(snapshots, 'a')).toEqual(a)
      const other = { version: 1, partition: 3, features: '', score: null }
      expect(await seen(snapshots, 'ü中🙂')).toEqual(other)
      await snapshots.flush()
      expect(await seen(snapshots, 'a')).toEqual(a)
      expect(await seen(snapshots, 'ü中🙂')).toEqual(other)
      const [second, nobody, first] = await snapshots.getMany(['ü中🙂', 'nobody', 'a'])
      expect([second?.customer, nobody, first?.customer]).toEqual(['ü中🙂', null, 'a'])
      await snapshots.close()
    })

    test('a put that is not newer than what is stored changes nothing (N1)', async () => {
      const snapshots = await (await place()).open()
      await put(snapshots, 5, [row('a', 'five', null)])
      for (const flushed of [false, true]) {
        if (flushed) await snapshots.flush()
        await put(snapshots, 5, [row('a', 'five again', null)])
        await put(snapshots, 4, [row('a', 'four', null), row('b', 'four', null)])
        expect((await seen(snapshots, 'a'))?.features).toBe('five')
        expect((await seen(snapshots, 'b'))?.features).toBe('four')
      }
      await put(snapshots, 6, [row('a', 'six', null)])
      expect((await seen(snapshots, 'a'))?.features).toBe('six')
      expect(snapshots.proof(0)?.commit).toBe(6)
      await snapshots.close()
    })

    test('one commit may be put in portions', async () => {
      const snapshots = await (await place()).open()
      await put(snapshots, 5, [row('a', 'a5', null)])
      await put(snapshots, 5, [row('b', 'b5', null)])
      expect((await seen(snapshots, 'a'))?.version).toBe(5)
      expect((await seen(snapshots, 'b'))?.version).toBe(5)
      await snapshots.close()
    })

    test('an erased customer stays erased for older puts and comes back with newer ones (N2)', async () => {
      const at = await place()
      let snapshots = await at.open()
      await put(snapshots, 5, [row('a', 'five', null)])
      await put(snapshots, 6, [row('a', null, null)])
      expect(await snapshots.get('a')).toBeNull()
      await snapshots.flush()
      await at.crash()
      snapshots = await at.open()
      await put(snapshots, 5, [row('a', 'five', null)])
      expect(await snapshots.get('a')).toBeNull()
      await put(snapshots, 7, [row('a', 'seven', null)])
      expect((await seen(snapshots, 'a'))?.features).toBe('seven')
      await snapshots.close()
    })

    test('the cursor is that of what survives a crash, and never ahead of it (N3)', async () => {
      const at = await place()
      let snapshots = await at.open()
      await put(snapshots, 1, [row('a', 'one', null)])
      await snapshots.flush()
      expect(await snapshots.cursor(0)).toEqual(cursorOf(1))
      await put(snapshots, 2, [row('a', 'two', null)])
      const claimed = await snapshots.cursor(0)
      await at.crash()
      snapshots = await at.open()
      const survived = await snapshots.cursor(0)
      expect(survived!.commit).toBeGreaterThanOrEqual(claimed!.commit)
      expect((await seen(snapshots, 'a'))?.version).toBe(survived!.commit)
      expect(await snapshots.cursor(1)).toBeNull()
      await snapshots.close()
    })

    test('a history has what led to a row, newest first, before and behind a write', async () => {
      const at = await place()
      let snapshots = await at.open()
      expect(await story(snapshots, 'a')).toEqual([])
      await put(snapshots, 1, [row('a', 'a 1', 's'), row('b', 'b 1', null)])
      await put(snapshots, 2, [row('a', 'a 2', 's')])
      expect(await story(snapshots, 'a')).toEqual(['a 2', 'a 1'])
      await snapshots.flush()
      await put(snapshots, 3, [row('a', 'a 3', 's')])
      expect(await story(snapshots, 'a')).toEqual(['a 3', 'a 2', 'a 1'])
      await snapshots.flush()
      await put(snapshots, 2, [row('a', 'a 2', 's')])
      expect(await story(snapshots, 'a')).toEqual(['a 3', 'a 2', 'a 1'])
      await at.crash()
      snapshots = await at.open()
      expect(await story(snapshots, 'a')).toEqual(['a 3', 'a 2', 'a 1'])
      expect(await story(snapshots, 'b')).toEqual(['b 1'])
      await snapshots.close()
    })

    test('a history ends behind a hundred changes and begins behind an erasure (N4)', async () => {
      const snapshots = await (await place()).open()
      for (let commit = 1; commit <= 250; commit += 1) {
        await put(snapshots, commit, [row('a', `a ${commit}`, null)])
        if (commit % 37 === 0) await snapshots.flush()
      }
      const newest = (count: number) => Array.from({ length: count }, (_, i) => `a ${250 - i}`)
      expect(await story(snapshots, 'a')).toEqual(newest(100))
      await snapshots.flush()
      expect(await story(snapshots, 'a')).toEqual(newest(100))
      // Whether more come is the store's own affair.
      expect((await story(snapshots, 'a', 17)).slice(0, 17)).toEqual(newest(17))
      await put(snapshots, 251, [row('a', null, null)])
      expect(await story(snapshots, 'a')).toEqual([])
      await snapshots.flush()
      expect(await story(snapshots, 'a')).toEqual([])
      await put(snapshots, 250, [row('a', 'a 250', null)])
      await put(snapshots, 252, [row('a', 'a 252', null)])
      expect(await story(snapshots, 'a')).toEqual(['a 252'])
      await snapshots.flush()
      expect(await story(snapshots, 'a')).toEqual(['a 252'])
      await snapshots.close()
    })

    test('top lists have the highest risks and the largest moves since yesterday (N5)', async () => {
      const at = await place()
      let snapshots = await at.open()
      const day = 100 * DAY_MS
      const before = [0.2, 0.5, 0.75, 0.9].map((score, i) => scoredRow(`c${i}`, 1, day - 1, score))
      await put(snapshots, 1, before)
      const risk = [['c3', 'c2'], ['c1'], ['c0']]
      expect(await wholeTop(snapshots)).toMatchObject({ risk, change: [[], [], []] })
      // A day later the scores of before are those of yesterday's start; c1 moves in two steps.
      await put(snapshots, 2, [scoredRow('c1', 2, day + 1, 0.6), scoredRow('c0', 2, day + 1, 0.75)])
      await put(snapshots, 3, [
        scoredRow('c1', 3, day + DAY_MS, 0.8),
        scoredRow('new', 3, day, 0.99),
      ])
      const due = {
        since: day,
        risk: [['new', 'c3', 'c1', 'c0', 'c2'], [], []],
        change: [['c0', 'c1'], [], []],
        moves: [0.55, 0.3],
      }
      expect(await wholeTop(snapshots)).toEqual(due)
      await at.crash()
      snapshots = await at.open()
      await put(snapshots, 4, [])
      expect(await wholeTop(snapshots)).toEqual(due)
      // Whoever is erased or retired leaves, and a day without a row moves nobody.
      await put(snapshots, 5, [
        row('c0', null, null),
        scoredRow('c3', 5, day + DAY_MS, 0.9, 'retired'),
        scoredRow('c2', 5, day + 3 * DAY_MS, 0.65),
      ])
      const left = { risk: [['new', 'c1'], ['c2'], []], change: [[], ['c2'], []] }
      expect(await wholeTop(snapshots)).toMatchObject(left)
      await snapshots.close()
    })

    test.each([1, 2])(
      'top lists behind random puts and crashes are those of a naive sort (seed %i)',
      async (seed) => {
        const random = seededRandom(seed)
        const at = await place()
        let snapshots = await at.open()
        const naive = new NaiveTop()
        const outputs: SnapshotPut[][] = [[]]
        let asOf = 100 * DAY_MS
        for (let commit = 1; commit <= 60; commit++) {
          asOf += random.below(DAY_MS / 3)
          const customers = Array.from({ length: random.below(30) }, () => `c${random.below(90)}`)
          const puts = [...new Set(customers)].map((customer) => {
            const isErased = random.below(12) === 0
            const note = random.below(12) === 0 ? 'retired' : ''
            const probability = Math.fround(random.below(50) / 50)
            const risk = riskLevelOf(probability)
            const head = isErased ? null : { asOf, retired: note !== '', probability, risk }
            naive.put({ customer, partition: 0, version: commit, head, days: [] })
            if (isErased) return row(customer, null, null)
            return scoredRow(customer, commit, asOf, probability, note)
          })
          outputs.push(puts)
          await put(snapshots, commit, puts)
          if (random.below(6) === 0) await snapshots.flush()
          if (random.below(15) === 0) {
            await at.crash()
            snapshots = await at.open()
            const from = ((await snapshots.cursor(0))?.commit ?? 0) + 1
            for (let again = from; again <= commit; again++) {
              await put(snapshots, again, outputs[again])
            }
          }
          if (commit % 15 > 0) continue
          const { risk, change } = await wholeTop(snapshots)
          const due = naive.lists()
          const ids = (lists: string[][]) =>
            lists.map((list) => list.map((one) => one.split(' ')[0]))
          expect({ risk, change }).toEqual({ risk: ids(due.risk), change: ids(due.change) })
        }
        await snapshots.close()
      },
    )

    test('the scores of before an erasure are forgotten with the customer', async () => {
      const snapshots = await (await place()).open()
      await put(snapshots, 1, [scoredRow('a', 1, DAY_MS, 0.2)])
      await snapshots.flush()
      await put(snapshots, 2, [row('a', null, null)])
      await put(snapshots, 3, [scoredRow('a', 3, 3 * DAY_MS, 0.9)])
      expect(await wholeTop(snapshots)).toMatchObject({
        risk: [['a'], [], []],
        change: [[], [], []],
      })
      await snapshots.close()
    })

    test('partitions have proofs and cursors of their own', async () => {
      const snapshots = await (await place()).open()
      await put(snapshots, 8, [row('a', 'x', null)], 0)
      await put(snapshots, 3, [row('b', 'y', null)], 1)
      await put(snapshots, 4, [], 1)
      await snapshots.flush()
      expect(snapshots.proof(0)).toEqual(proofOf(8, 0))
      expect(snapshots.proof(1)).toEqual(proofOf(4, 1))
      expect(await snapshots.cursor(0)).toEqual(cursorOf(8))
      expect(await snapshots.cursor(1)).toEqual(cursorOf(4))
      expect((await seen(snapshots, 'b'))?.partition).toBe(1)
      await snapshots.close()
    })

    test.each([1, 2, 3])(
      'random puts, crashes and catching up agree with a model (seed %i)',
      async (seed) => {
        const random = seededRandom(seed)
        const at = await place()
        let snapshots = await at.open()
        const outputs: SnapshotPut[][] = []
        const model = new Map<string, { version: number; features: string } | null>()
        const stories = new Map<string, string[]>()
        for (let commit = 0; commit < 120; commit += 1) {
          const customers = new Set(
            Array.from({ length: random.below(40) }, () => `c${random.below(60)}`),
          )
          const puts = [...customers].map((customer) =>
            random.below(10) === 0
              ? row(customer, null, null)
              : row(customer, `${customer}@${commit}`, 's'),
          )
          outputs.push(puts)
          await put(snapshots, commit, puts)
          for (const { customer, features } of puts) {
            model.set(
              customer,
              features && { version: commit, features: Buffer.from(features).toString() },
            )
            const told = features === null ? [] : (stories.get(customer) ?? [])
            stories.set(customer, features === null ? [] : [String(features), ...told])
          }
          if (random.below(15) === 0) await snapshots.flush()
          if (random.below(20) === 0) {
            await at.crash()
            snapshots = await at.open()
            // Follows the outputs as the engine does, sometimes from further back than it has to.
            const cursor = await snapshots.cursor(0)
            const from = random.below(2) === 0 ? 0 : (cursor?.commit ?? -1) + 1
            for (let again = from; again <= commit; again += 1) {
              await put(snapshots, again, outputs[again])
            }
          }
          const customer = `c${random.below(60)}`
          const snapshot = await seen(snapshots, customer)
          const due = model.get(customer) ?? null
          expect(snapshot && { version: snapshot.version, features: snapshot.features }).toEqual(
            due,
          )
          expect(await story(snapshots, customer)).toEqual(stories.get(customer) ?? [])
        }
        await snapshots.close()
      },
    )
  })
}

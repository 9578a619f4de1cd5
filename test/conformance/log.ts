/**
 * What every event log keeps, whichever the technology: the invariants L1 to L5 of the port, time
 * bases, waiting, the erasure index, and a random run against a plain model. Where a log may leave
 * gaps, offsets are held against those that it told itself.
 */
import { describe, expect, onTestFinished, test } from 'vitest'
import {
  type EventLog,
  type LogReader,
  type LogRecord,
  recordBytes,
  recordBytesMax,
  type StoredRecord,
  type TimeBase,
} from '../../src/log/log.js'
import { seededRandom } from '../support/random.js'

export interface OpenLog extends EventLog {
  resumeAt(instant: number): void
}

/** A place where a log lives: opened, and opened again after it was closed or its process died. */
export interface LogPlace {
  open(options?: {
    partitions?: number
    timeBase?: TimeBase
    clock?: () => number
  }): Promise<OpenLog>
  /** The end of the process that has the log open. */
  crash(log: OpenLog): Promise<void>
  /** Whether commits that are asked for at once get their offsets in that order. @default true */
  readonly keepsOrder?: boolean
}

const text = (value: string) => Buffer.from(value)

function record(key: string | null, value: string | null, timestamp = 0): LogRecord {
  return {
    key: key === null ? null : text(key),
    value: value === null ? null : text(value),
    timestamp,
    headers: null,
  }
}

async function commit(log: EventLog, topic: string, partition: number, records: LogRecord[]) {
  const transaction = log.begin('writer')
  for (const it of records) transaction.append(topic, partition, it)
  const committed = await transaction.commit()
  return committed.endOffset(topic, partition)
}

async function drain(reader: LogReader, recordsMax = 1000): Promise<StoredRecord[]> {
  const all: StoredRecord[] = []
  for (;;) {
    const poll = await reader.poll(recordsMax, 0)
    expect(poll.records.length).toBeLessThanOrEqual(recordsMax)
    all.push(...poll.records)
    expect(reader.nextOffset).toBeGreaterThan(all.at(-1)?.offset ?? -1)
    if (poll.atEnd) return all
    expect(poll.records.length).toBeGreaterThan(0)
  }
}

/** Polls until nothing is left; the last poll says so. No poll before it claims anything. */
async function toEnd(reader: LogReader) {
  const records: StoredRecord[] = []
  for (;;) {
    const poll = await reader.poll(10, 0)
    records.push(...poll.records)
    if (poll.atEnd) return { ...poll, records }
    expect(poll.caughtUpAt).toBeNull()
  }
}

async function readAll(log: EventLog, topic: string, partition = 0, from = 0) {
  const reader = log.reader(topic, partition, from)
  const records = await drain(reader)
  await reader.close()
  return records
}

/** Plain values, to compare records of different classes. No headers are null or none. */
function plain(records: readonly LogRecord[]) {
  return records.map((it) => ({
    key: it.key?.toString('hex') ?? null,
    value: it.value?.toString('hex') ?? null,
    timestamp: it.timestamp,
    headers: it.headers?.map(([name, value]) => [name, value.toString('hex')]) ?? [],
  }))
}

const offsets = (records: readonly StoredRecord[]) => records.map(({ offset }) => offset)

/** The very same records. Plain values again: comparing buffers byte by byte takes seconds. */
function expectSame(came: readonly StoredRecord[], due: readonly StoredRecord[]): void {
  expect(plain(came)).toEqual(plain(due))
  expect(offsets(came)).toEqual(offsets(due))
}

/** The same records as `due`, at offsets that grow. */
function expectRecords(came: readonly StoredRecord[], due: readonly LogRecord[]): void {
  expect(plain(came)).toEqual(plain(due))
  expect(offsets(came)).toEqual([...new Set(offsets(came))].sort((a, b) => a - b))
}

export function logConformance(name: string, place: () => Promise<LogPlace>): void {
  async function opened(options: Parameters<LogPlace['open']>[0] = { timeBase: { kind: 'none' } }) {
    const at = await place()
    const log = await at.open(options)
    onTestFinished(() => log.close())
    return { at, log }
  }

  describe(`${name}: records`, () => {
    test('keep their offsets and bytes', async () => {
      const { log } = await opened()
      const records: LogRecord[] = [
        record('a', 'one', 1_700_000_000_000),
        record(null, 'no key', 1_699_999_999_999),
        record('erased', null, -62_135_596_800_000),
        record(null, null, 8_640_000_000_000_000),
        {
          ...record('h', '', 5),
          headers: [
            ['x', text('1')],
            ['x', Buffer.from([0, 255])],
            ['', text('')],
          ],
        },
        { ...record('', 'empty key', 5), headers: [] },
        {
          key: Buffer.from([0, 0xff, 0xc3]),
          value: Buffer.alloc(300_000, 7),
          timestamp: 6,
          headers: null,
        },
      ]
      const end = await commit(log, 't', 0, records)
      const came = await readAll(log, 't')
      expectRecords(came, records)
      expect(came.at(-1)!.offset + 1).toBe(end)
      expect(await log.endOffset('t', 0)).toBe(end)
      expectSame([(await log.last('t', 0))!], came.slice(-1))
    })

    test('do not follow later changes of the buffers that were appended', async () => {
      const { log } = await opened()
      const value = text('before')
      const transaction = log.begin('writer')
      transaction.append('t', 0, { key: value, value, timestamp: 0, headers: [['h', value]] })
      value.fill('x')
      await transaction.commit()
      const [stored] = await readAll(log, 't')
      expect(stored.value!.toString()).toBe('before')
      expect(stored.headers![0][1].toString()).toBe('before')
    })

    test('are read from any offset, in portions of any size', async () => {
      const { log } = await opened()
      const records = Array.from({ length: 2500 }, (_, index) =>
        record(`k${index % 7}`, `v${index}`, index),
      )
      await commit(log, 't', 0, records.slice(0, 2300))
      for (let at = 2300; at < 2500; at += 10) await commit(log, 't', 0, records.slice(at, at + 10))
      const came = await readAll(log, 't')
      expectRecords(came, records)
      for (const from of [0, 1, 1023, 1024, 2299, 2300, 2304, 2499]) {
        expectSame(await readAll(log, 't', 0, came[from].offset), came.slice(from))
      }
      expect(await readAll(log, 't', 0, await log.endOffset('t', 0))).toEqual([])
      const reader = log.reader('t', 0, 0)
      for (const recordsMax of [1, 999, 1024, 3]) {
        const { records: got } = await reader.poll(recordsMax, 0)
        expect(got.length).toBeGreaterThan(0)
      }
      await reader.close()
      const byThrees = log.reader('t', 0, came[2000].offset)
      expectSame(await drain(byThrees, 3), came.slice(2000))
    })

    test('have offsets that the transaction which wrote them tells', async () => {
      const { log } = await opened({ partitions: 2, timeBase: { kind: 'none' } })
      for (let round = 0; round < 3; round += 1) {
        const transaction = log.begin('writer')
        for (let index = 0; index <= round; index += 1) {
          transaction.append('t', 1, record('k', `${round}/${index}`))
        }
        const committed = await transaction.commit()
        const last = (await log.last('t', 1))!
        expect(last.value!.toString()).toBe(`${round}/${round}`)
        expect(committed.endOffset('t', 1)).toBe(last.offset + 1)
        expect(committed.endOffset('t', 0)).toBeNull()
        expect(committed.endOffset('other', 1)).toBeNull()
      }
    })

    test('of topics and partitions do not mix', async () => {
      const { log } = await opened({ partitions: 3, timeBase: { kind: 'none' } })
      const transaction = log.begin('writer')
      for (const topic of ['t', 't.', 'tt']) {
        for (let partition = 0; partition < 3; partition += 1) {
          transaction.append(topic, partition, record('k', `${topic}/${partition}`))
        }
      }
      await transaction.commit()
      for (const topic of ['t', 't.', 'tt']) {
        for (let partition = 0; partition < 3; partition += 1) {
          const [only, ...more] = await readAll(log, topic, partition)
          expect(only.value!.toString()).toBe(`${topic}/${partition}`)
          expect(more).toEqual([])
          expect(await log.endOffset(topic, partition)).toBe(1)
        }
      }
      expect(await log.endOffset('unknown', 0)).toBe(0)
      expect(await log.last('unknown', 0)).toBeNull()
      expect(() => log.begin('writer').append('t', 3, record('k', 'v'))).toThrow(/no partition 3/)
    })
  })

  describe(`${name}: transactions`, () => {
    test('are visible as a whole when they have committed, and not before', async () => {
      const { log } = await opened()
      const transaction = log.begin('writer')
      transaction.append('a', 0, record('k', '1'))
      transaction.append('b', 0, record('k', '2'))
      expect(transaction.bytes).toBeGreaterThan(0)
      expect(await readAll(log, 'a')).toEqual([])
      await transaction.commit()
      expect(await readAll(log, 'a')).toHaveLength(1)
      expect(await readAll(log, 'b')).toHaveLength(1)
    })

    test('leave nothing when they are aborted', async () => {
      const { log } = await opened()
      const transaction = log.begin('writer')
      transaction.append('a', 0, record('k', '1'))
      await transaction.abort()
      expect(await log.endOffset('a', 0)).toBe(0)
      await commit(log, 'a', 0, [record('k', '2')])
      expectRecords(await readAll(log, 'a'), [record('k', '2')])
    })

    test('that are handed over in parts appear as a whole, or not at all', async () => {
      const { log } = await opened()
      const transaction = log.begin('writer')
      const ends: (number | null)[] = []
      for (const value of ['1', '2', '3']) {
        transaction.append('a', 0, record('k', value))
        ends.push((await transaction.flush()).endOffset('a', 0))
      }
      expect(await readAll(log, 'a')).toEqual([])
      transaction.append('b', 0, record('k', '4'))
      const committed = await transaction.commit()
      const came = await readAll(log, 'a')
      expectRecords(
        came,
        ['1', '2', '3'].map((value) => record('k', value)),
      )
      expect(committed.endOffset('a', 0)).toBe(came[2].offset + 1)
      // Told early, or not at all.
      const known = ends.filter((end) => end !== null)
      expect(known).toEqual(known.length === 0 ? [] : came.map(({ offset }) => offset + 1))
      expect(await readAll(log, 'b')).toHaveLength(1)

      const given = log.begin('writer')
      given.append('a', 0, record('k', 'given up'))
      await given.flush()
      await given.abort()
      const next = log.begin('writer')
      next.append('a', 0, record('k', '5'))
      await next.commit()
      expect((await readAll(log, 'a')).at(-1)!.value!.toString()).toBe('5')
      expect(await readAll(log, 'a')).toHaveLength(4)
    })

    test('without records commit', async () => {
      const { log } = await opened()
      await log.begin('writer').commit()
      expect(await log.endOffset('a', 0)).toBe(0)
    })

    test('of writers that commit at once are each whole, in the order asked', async () => {
      const { at, log } = await opened()
      const transactions = ['x', 'y', 'z'].map((id) => {
        const transaction = log.begin(id)
        for (let index = 0; index < 3; index += 1)
          transaction.append('a', 0, record(id, String(index)))
        return transaction
      })
      await Promise.all(transactions.map((it) => it.commit()))
      const order = (await readAll(log, 'a')).map(
        (it) => `${it.key?.toString()}${it.value?.toString()}`,
      )
      const due = ['x0', 'x1', 'x2', 'y0', 'y1', 'y2', 'z0', 'z1', 'z2']
      const byWriter = (a: string, b: string) => (a[0] < b[0] ? -1 : Number(a[0] > b[0]))
      expect((at.keepsOrder ?? true) ? order : order.toSorted(byWriter)).toEqual(due)
    })

    test('are fenced when their writer begins another one', async () => {
      const { log } = await opened()
      const stale = log.begin('writer')
      stale.append('a', 0, record('k', 'stale'))
      await commit(log, 'a', 0, [record('k', 'new')])
      expect(() => stale.append('a', 0, record('k', 'stale'))).toThrow(/begun another one/)
      await expect(stale.commit()).rejects.toMatchObject({ code: 'TRANSACTION_FENCED' })
      expect((await readAll(log, 'a')).map((it) => it.value!.toString())).toEqual(['new'])
    })

    test('survive a crash if and only if they have committed', async () => {
      const { at, log } = await opened()
      await commit(log, 'a', 0, [record('k', '1'), record('k', '2')])
      log.begin('writer').append('a', 0, record('k', '3'))
      await at.crash(log)
      const again = await at.open()
      onTestFinished(() => again.close())
      expect(again.id).toBe(log.id)
      expect((await readAll(again, 'a')).map((it) => it.value!.toString())).toEqual(['1', '2'])
      const end = await commit(again, 'a', 0, [record('k', '4')])
      expect((await again.last('a', 0))!.offset).toBe(end! - 1)
    })

    test('that are open when their writer is fenced are over', async () => {
      const { log } = await opened()
      const open = log.begin('writer')
      open.append('a', 0, record('k', 'open'))
      await log.fence('writer')
      await expect(open.commit()).rejects.toMatchObject({ code: 'TRANSACTION_FENCED' })
      await commit(log, 'a', 0, [record('k', 'new')])
      expect((await readAll(log, 'a')).map((it) => it.value!.toString())).toEqual(['new'])
    })

    test('that are under way when their writer is fenced can be read behind it', async () => {
      const { log } = await opened()
      const transaction = log.begin('writer')
      transaction.append('a', 0, record('k', '1'))
      const committing = transaction.commit()
      await log.fence('writer')
      expect((await log.last('a', 0))!.value!.toString()).toBe('1')
      await committing
    })

    test('that are under way are waited for by those who ask for the last record', async () => {
      const { log } = await opened()
      const transaction = log.begin('writer')
      transaction.append('a', 0, record('k', '1'))
      const committing = transaction.commit()
      expect((await log.last('a', 0))!.value!.toString()).toBe('1')
      expect(await log.endOffset('a', 0)).toBe(1)
      await committing
    })
  })

  describe(`${name}: size`, () => {
    test('of a record has a bound, which a record just reaches and the next byte passes', async () => {
      const { log } = await opened()
      const headers = [['n\u00e4me', text('value')]] as const
      const of = (bytes: number): LogRecord => ({
        ...record('k', ''),
        value: Buffer.alloc(bytes, 7),
        headers,
      })
      const most = recordBytesMax - recordBytes(of(0))
      const transaction = log.begin('writer')
      expect(() => transaction.append('t', 0, of(most + 1))).toThrow(
        expect.objectContaining({
          code: 'RECORD_TOO_LARGE',
          message: expect.stringContaining(`has ${recordBytesMax + 1} bytes`) as unknown,
        }),
      )
      transaction.append('t', 0, of(most))
      await transaction.commit()
      const [stored, ...others] = await readAll(log, 't')
      expect(others).toEqual([])
      expect(stored.value!.equals(of(most).value!)).toBe(true)
    })
  })

  describe(`${name}: time`, () => {
    test('of a wall base is the wall clock, and a record an hour ahead is refused', async () => {
      let wall = 1_000_000
      const { log } = await opened({ timeBase: { kind: 'wall' }, clock: () => wall })
      expect(log.now()).toBe(1_000_000)
      const transaction = log.begin('writer')
      transaction.append('t', 0, record('k', 'v', 1_000_000 + 3_600_000))
      expect(() => transaction.append('t', 0, record('k', 'v', 1_000_001 + 3_600_000))).toThrow(
        expect.objectContaining({ code: 'RECORD_TOO_FAR_AHEAD' }),
      )
      wall += 1
      transaction.append('t', 0, record('k', 'v', 1_000_001 + 3_600_000))
      await transaction.commit()
      expect(await log.endOffset('t', 0)).toBe(2)
    })

    test('of a virtual base runs at its speed from where it is told to go on', async () => {
      let wall = 5_000
      const timeBase: TimeBase = { kind: 'virtual', origin: 1_000, speed: 100 }
      const { log } = await opened({ timeBase, clock: () => wall })
      expect(log.now()).toBe(1_000)
      wall += 10
      expect(log.now()).toBe(2_000)
      log.resumeAt(50_000)
      expect(log.now()).toBe(50_000)
      log.resumeAt(10_000)
      wall += 1
      expect(log.now()).toBe(50_100)
      const transaction = log.begin('writer')
      transaction.append('t', 0, record('k', 'v', 50_100 + 360_000_000))
      expect(() => transaction.append('t', 0, record('k', 'v', 50_101 + 360_000_000))).toThrow(
        expect.objectContaining({ code: 'RECORD_TOO_FAR_AHEAD' }),
      )
      await transaction.abort()
    })

    test('of no base is never shown and refuses no record', async () => {
      const { log } = await opened()
      expect(log.now()).toBeNull()
      await commit(log, 't', 0, [record('k', 'v', 8_640_000_000_000_000)])
      const end = await toEnd(log.reader('t', 0, 0))
      expect(end).toMatchObject({ atEnd: true, caughtUpAt: null })
    })
  })

  describe(`${name}: readers`, () => {
    test('are caught up at the instant before the end was asked for', async () => {
      let wall = 100
      const { log } = await opened({ timeBase: { kind: 'wall' }, clock: () => wall })
      await commit(log, 't', 0, [record('k', '1'), record('k', '2')])
      const reader = log.reader('t', 0, 0)
      expect(await reader.poll(1, 0)).toMatchObject({ caughtUpAt: null, atEnd: false })
      wall = 200
      const end = await toEnd(reader)
      expect(end).toMatchObject({ caughtUpAt: 200, atEnd: true })
      expect(end.records).toHaveLength(1)
      wall = 300
      expect(await reader.poll(1, 0)).toMatchObject({ records: [], caughtUpAt: 300, atEnd: true })
    })

    test('claim nothing while a transaction has records for them', async () => {
      const { log } = await opened({ timeBase: { kind: 'wall' }, clock: () => 100 })
      const reader = log.reader('t', 0, 0)
      const transaction = log.begin('writer')
      transaction.append('t', 0, record('k', '1'))
      expect(await reader.poll(1, 0)).toMatchObject({ caughtUpAt: null, atEnd: true })
      await transaction.commit()
      const end = await toEnd(reader)
      expect(end).toMatchObject({ caughtUpAt: 100, atEnd: true })
      expect(end.records).toHaveLength(1)
      const aborted = log.begin('writer')
      aborted.append('t', 0, record('k', '2'))
      await aborted.abort()
      expect(await reader.poll(1, 0)).toMatchObject({ records: [], caughtUpAt: 100 })
    })

    test('that wait are woken by a commit, which has then settled', async () => {
      const { log } = await opened({ timeBase: { kind: 'wall' }, clock: () => 100 })
      const reader = log.reader('t', 0, 0)
      const polling = reader.poll(10, 20_000)
      await commit(log, 'other', 0, [record('k', 'x')])
      await commit(log, 't', 0, [record('k', '1')])
      const poll = await polling
      expect(poll.records).toHaveLength(1)
      const end = poll.atEnd ? poll : await toEnd(reader)
      expect(end).toMatchObject({ caughtUpAt: 100, atEnd: true })
    })

    test('that wait in vain come back empty', async () => {
      const { log } = await opened()
      expect(await log.reader('t', 0, 0).poll(10, 2)).toMatchObject({ records: [], atEnd: true })
    })

    test('that wait are released when they are closed, and refuse to go on', async () => {
      const { log } = await opened()
      const reader = log.reader('t', 0, 0)
      const polling = reader.poll(10, 20_000)
      await reader.close()
      expect((await polling).records).toEqual([])
      await expect(reader.poll(1, 0)).rejects.toMatchObject({ code: 'LOG_CLOSED' })
      await reader.close()
    })
  })

  test(`${name}: the erasure index gives each erased key's newest null value below an offset`, async () => {
    const { at, log } = await opened({ partitions: 2, timeBase: { kind: 'none' } })
    const first = await commit(log, 't', 0, [
      record('a', '1'),
      record('a', null),
      record('b', null),
      record(null, null),
    ])
    const second = await commit(log, 't', 0, [
      record('a', '2'),
      record('a', null),
      { ...record('x', null), key: Buffer.from([0xff]) },
    ])
    const [a1, b] = [first! - 3, first! - 2]
    const a2 = second! - 2
    await commit(log, 't', 1, [record('c', null)])
    await at.crash(log)
    const again = await at.open()
    onTestFinished(() => again.close())
    expect(await again.erasures('t', 0, 100)).toEqual(
      new Map([
        ['a', a2],
        ['b', b],
      ]),
    )
    expect(await again.erasures('t', 0, a2)).toEqual(
      new Map([
        ['a', a1],
        ['b', b],
      ]),
    )
    expect(await again.erasures('t', 0, a1)).toEqual(new Map())
    expect(await again.erasures('t', 1, 100)).toEqual(new Map([['c', 0]]))
    expect(await again.erasures('other', 1, 100)).toEqual(new Map())
  })

  test.each([1, 2, 3])(
    `${name}: random commits, aborts, crashes and reads agree with a plain model (seed %i)`,
    async (seed) => {
      const random = seededRandom(seed)
      const topics = ['events', 'features', 'changelog']
      const model = new Map<string, LogRecord[]>()
      const at = await place()
      let log = await at.open({ partitions: 2, timeBase: { kind: 'none' } })
      let made = 0
      for (let step = 0; step < 60; step += 1) {
        const transaction = log.begin(`w${random.below(2)}`)
        const drafted: [string, LogRecord][] = []
        const count = random.below(4) === 0 ? random.below(2500) : random.below(20)
        for (let index = 0; index < count; index += 1) {
          const name = `${topics[random.below(3)]}/${random.below(2)}`
          const it = randomRecord(random, (made += 1))
          const [topic, partition] = name.split('/')
          transaction.append(topic, Number(partition), it)
          drafted.push([name, it])
        }
        const fate = random.below(10)
        if (fate === 0) {
          await transaction.abort()
        } else if (fate === 1) {
          await at.crash(log)
          log = await at.open()
        } else {
          await transaction.commit()
          for (const [name, it] of drafted) {
            if (!model.has(name)) model.set(name, [])
            model.get(name)!.push(it)
          }
        }
        if (step % 20 !== 19) continue
        for (const [name, records] of model) {
          const [topic, partition] = name.split('/')
          const came = await readAll(log, topic, Number(partition))
          expectRecords(came, records)
          expect(await log.endOffset(topic, Number(partition))).toBe(
            (came.at(-1)?.offset ?? -1) + 1,
          )
          const from = random.below(records.length + 1)
          const offset = came[from]?.offset ?? (await log.endOffset(topic, Number(partition)))
          expectSame(await readAll(log, topic, Number(partition), offset), came.slice(from))
        }
      }
      await log.close()
    },
  )
}

function randomRecord(random: ReturnType<typeof seededRandom>, number: number): LogRecord {
  const key = random.below(20) === 0 ? null : text(`customer-${random.below(50)}`)
  const value = random.below(20) === 0 ? null : Buffer.alloc(random.below(200), number)
  const timestamp =
    random.below(50) === 0 ? random.below(2 ** 40) : 1_600_000_000_000 + number * 1000
  const headers = random.below(10) === 0 ? ([['number', text(String(number))]] as const) : null
  return { key, value, timestamp, headers }
}

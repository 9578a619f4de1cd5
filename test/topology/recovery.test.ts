/** How a partition comes back after a failure, and when it is given up. */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { TidemarkError } from '../../src/errors.js'
import type { EventLog } from '../../src/log/log.js'
import { MemoryLog, type MemoryLogOptions } from '../../src/log/memory-log.js'
import { countedRecords, type Position } from '../../src/operators/position.js'
import { startEngine } from '../../src/topology/engine.js'
import { MapHome, testTopology } from '../support/topology.js'

const start = Date.UTC(2024, 0, 1)
const identity = { app: 'test', synthetic: true }

async function filledLog(options: MemoryLogOptions = {}): Promise<MemoryLog> {
  const log = new MemoryLog({ timeBase: { kind: 'none' }, ...options })
  const transaction = log.begin('producer')
  for (let i = 0; i < 300; i++) {
    const body = { event_id: `e${i}`, customer_id: `c${i % 9}`, occurred_at: start + i * 60_000 }
    const value = Buffer.from(JSON.stringify(body))
    const record = {
      key: Buffer.from(body.customer_id),
      value,
      timestamp: body.occurred_at,
      headers: null,
    }
    transaction.append('test.events', 0, record)
  }
  await transaction.commit()
  return log
}

async function positionsOf(log: EventLog): Promise<Position[]> {
  const reader = log.reader('test.changelog', 0, 0)
  const { records } = await reader.poll(1000, 0)
  await reader.close()
  return records.map(({ value }) => JSON.parse(value!.toString()) as Position)
}

const digestOf = (home: MapHome): string =>
  (JSON.parse(Buffer.from(home.stores.get(0)!.held!).toString()) as { digest: string }).digest

const settings = { commitRecordsMax: 20, batchRecordsMax: 10 }

describe('a commit whose outcome is unknown', () => {
  const lost = () => new TidemarkError('COMMIT_UNKNOWN', 'no reply', { exit: 74, retry: 'now' })

  test.each([
    ['after it was durable', 'beforeReply', 'is in the log'],
    ['before it was durable', 'beforeDurable', 'is not in the log'],
  ] as const)('is resolved by its id: the reply got lost %s', async (_, hook, said) => {
    const whole = testTopology(await filledLog(), settings)
    const undisturbed = startEngine(whole.parts, identity)
    await undisturbed.idle()
    await undisturbed.stop()

    let commits = 0
    const log = await filledLog({
      [hook]: async (id: string) => {
        if (id.startsWith('task-') && ++commits % 4 === 3) throw lost()
      },
    })
    const { parts, notes, home } = testTopology(log, { ...settings, retriesMax: 1000 })
    const engine = startEngine(parts, identity)
    await engine.idle()
    await engine.stop()
    const resolved = notes.filter((note) => note.includes('whose outcome was unknown'))
    expect(resolved.length).toBeGreaterThan(2)
    for (const note of resolved) expect(note).toContain(said)
    expect(resolved[0]).toContain('commit test/0/3, whose outcome was unknown, ')

    const positions = await positionsOf(log)
    // What is told is of the log, not of the last reply.
    const { commit, endOffset } = engine.status().partitions[0]
    expect([commit, endOffset]).toEqual([positions.length, 300])
    expect(positions.map(({ commit }) => commit)).toEqual(positions.map((_none, i) => i + 1))
    const last = positions.at(-1)!
    expect([last.endOffset, countedRecords(last.counts), last.counts.accepted]).toEqual([
      300, 300, 300,
    ])
    expect(digestOf(home)).toBe(digestOf(whole.home))
    expect(home.aside).toEqual([])
  })
})

describe('openings', () => {
  beforeEach(
    () =>
      void vi.useFakeTimers({
        toFake: ['setTimeout', 'setInterval', 'Date', 'clearTimeout', 'clearInterval'],
      }),
  )
  afterEach(() => void vi.useRealTimers())

  /** A topology whose store cannot be opened, and the instants at which that was tried. */
  async function failing(failure: () => Error) {
    const home = new MapHome()
    const tried: number[] = []
    const begun = Date.now()
    home.open = () => {
      tried.push(Date.now() - begun)
      return Promise.reject(failure())
    }
    const topology = testTopology(await filledLog(), { retryAfterMs: 200 }, { home })
    const engine = startEngine(topology.parts, identity)
    const ended = engine.done.then(
      () => null,
      (error: TidemarkError) => error,
    )
    return { ...topology, engine, tried, ended }
  }

  test('follow each other with pauses that double, up to a minute, and end with a clear word', async () => {
    const { tried, notes, ended, engine } = await failing(
      () =>
        new TidemarkError('STORE_WRITE_FAILED', 'the disk refused', { exit: 74, retry: 'later' }),
    )
    await vi.advanceTimersByTimeAsync(600_000)
    const error = await ended
    const pauses = tried.slice(1).map((ms, i) => ms - tried[i])
    expect(pauses).toEqual([200, 400, 800, 1600, 3200, 6400, 12_800, 25_600])
    expect(notes[1]).toBe(
      'partition 0 is opened again in 0.4 s (failure 2 of at most 8 in a row): ' +
        'STORE_WRITE_FAILED: the disk refused',
    )
    expect(error).toMatchObject({ code: 'STORE_WRITE_FAILED', exit: 74, retry: 'never' })
    expect(error!.message).toBe(
      'partition 0 was opened again 8 times and failed each time: the disk refused',
    )
    expect(engine.status()).toMatchObject({ state: 'failed', failure: error!.message })
  })

  test('of a store that is damaged each time set it aside once each, not for ever', async () => {
    const { home, ended, tried } = await failing(
      () => new TidemarkError('STORE_DAMAGED', 'rotten', { exit: 74, retry: 'now' }),
    )
    await vi.advanceTimersByTimeAsync(600_000)
    expect(await ended).toMatchObject({ code: 'STORE_DAMAGED', retry: 'never' })
    expect(home.aside).toHaveLength(9)
    // The first opening finds the damage by itself.
    expect(tried).toHaveLength(10)
  })

  test('are not repeated after LOG_WRITE_FAILED: only a new process sees what the log holds', async () => {
    const { tried, ended, notes } = await failing(
      () => new TidemarkError('LOG_WRITE_FAILED', 'EIO', { exit: 74 }),
    )
    await vi.advanceTimersByTimeAsync(600_000)
    expect(await ended).toMatchObject({ code: 'LOG_WRITE_FAILED', message: 'EIO' })
    expect([tried.length, notes]).toEqual([1, []])
  })
})

/** A log that an engine has been through, whose last position says something else since. */
async function forgedLog(forged: Partial<Position>): Promise<MemoryLog> {
  const log = await filledLog()
  const engine = startEngine(testTopology(log).parts, identity)
  await engine.idle()
  await engine.stop()
  const last = (await positionsOf(log)).at(-1)!
  const value = Buffer.from(JSON.stringify({ ...last, commit: last.commit + 1, ...forged }))
  const transaction = log.begin('forger')
  transaction.append('test.changelog', 0, { key: null, value, timestamp: 0, headers: null })
  await transaction.commit()
  return log
}

describe('an input that is not the one whose positions there are', () => {
  test.each([
    ['another log of the same name', { logId: 'gone' }, 'of id gone, not '],
    ['one of more partitions', { partitions: 4 }, 'had 4 partitions; it has 1 now'],
  ])('is refused, and nothing is set aside: %s', async (_, forged, text) => {
    const { parts, home, snapshots } = testTopology(await forgedLog(forged))
    await expect(startEngine(parts, identity).done).rejects.toMatchObject({
      code: 'LOG_CHANGED',
      exit: 78,
      message: expect.stringContaining(text) as unknown,
    })
    expect([home.aside, snapshots.rows.size]).toEqual([[], 0])
  })
})

describe('a log that does not give again what was committed', () => {
  const contradicting = () => forgedLog({ logClock: 7 })

  test('ends the engine at once, for making the state again would end alike', async () => {
    const { parts, home, notes } = testTopology(await contradicting())
    await expect(startEngine(parts, identity).done).rejects.toMatchObject({
      code: 'RESTORE_DISAGREES',
      exit: 74,
      message: expect.stringContaining('the log does not give again what was committed') as unknown,
    })
    expect([home.aside, notes]).toEqual([[], []])
  })

  test('has a store that is there already set aside once, not again and again', async () => {
    const first = testTopology(await filledLog())
    const engine = startEngine(first.parts, identity)
    await engine.idle()
    await engine.stop()
    const log = await contradicting()
    const held = JSON.parse(Buffer.from(first.home.stores.get(0)!.held!).toString()) as {
      position: Position
    }
    const moved = { ...held, position: { ...held.position, logId: log.id } }
    first.home.stores.get(0)!.held = Buffer.from(JSON.stringify(moved))
    const { parts, home } = testTopology(log, {}, { home: first.home })
    await expect(startEngine(parts, identity).done).rejects.toMatchObject({
      code: 'RESTORE_DISAGREES',
    })
    expect(home.aside).toHaveLength(1)
  })
})

/** What happens while a commit or a read of the store is under way. */
import { expect, test, vi } from 'vitest'
import { TidemarkError } from '../../src/errors.js'
import { OutputRows } from '../../src/events/output-rows.js'
import { MemoryLog } from '../../src/log/memory-log.js'
import type { Position } from '../../src/operators/position.js'
import type { SnapshotCursor } from '../../src/snapshots/snapshots.js'
import { Credits } from '../../src/topology/credits.js'
import type { EventLog } from '../../src/log/log.js'
import { startEngine } from '../../src/topology/engine.js'
import { followSnapshots } from '../../src/topology/follow-snapshots.js'
import { recordsOf } from '../support/outputs.js'
import { MapHome, MapSnapshots, testTopology } from '../support/topology.js'

const start = Date.UTC(2024, 0, 1)
const day = 86_400_000
const identity = { app: 'test', synthetic: true }

/** Lets through whoever passes, until it is shut. */
class Gate {
  private closed: Promise<void> | null = null
  private release = (): void => undefined
  /** Who waits now. */
  waiting = 0

  shut(): void {
    this.closed = new Promise((resolve) => (this.release = resolve))
  }

  open(): void {
    this.closed = null
    this.release()
  }

  async pass(): Promise<void> {
    if (this.closed === null) return
    this.waiting++
    await this.closed
    this.waiting--
  }
}

/** A log that tells the engine of a commit behind a gate, and which counts what it hands out. */
function gatedLog(clock: () => number, timeBase: 'none' | 'wall') {
  const commits = new Gate()
  const log = new MemoryLog({
    timeBase: { kind: timeBase },
    clock,
    // The commit is in the log then, and its writer does not know.
    beforeReply: async (id) => {
      if (id.startsWith('task-')) await commits.pass()
    },
  })
  const handed = { records: 0, polls: 0 }
  const reader = log.reader.bind(log)
  log.reader = (topic, partition, from) => {
    const inner = reader(topic, partition, from)
    if (topic !== 'test.events') return inner
    return {
      get nextOffset() {
        return inner.nextOffset
      },
      close: () => inner.close(),
      poll: async (max, waitMs) => {
        const poll = await inner.poll(max, waitMs)
        handed.records += poll.records.length
        handed.polls++
        return poll
      },
    }
  }
  return { log, commits, handed }
}

async function append(log: MemoryLog, ...hits: readonly (readonly [string, number])[]) {
  const transaction = log.begin('producer')
  for (const [customer, at] of hits) {
    const body = { event_id: `${customer}-${at}`, customer_id: customer, occurred_at: at }
    const value = Buffer.from(JSON.stringify(body))
    transaction.append('test.events', 0, {
      key: Buffer.from(customer),
      value,
      timestamp: at,
      headers: null,
    })
  }
  await transaction.commit()
}

const lastPosition = async (log: MemoryLog): Promise<Position> =>
  JSON.parse(String((await log.last('test.changelog', 0))!.value)) as Position

test('records that take all credit while a commit of timers is under way are committed', async () => {
  let wall = start + day
  const { log, commits, handed } = gatedLog(() => wall, 'wall')
  await append(log, ['quiet', start])
  const settings = { commitRecordsMax: 4, lagAllowanceMs: 0, idleWaitMs: 2, wallClock: () => wall }
  const engine = startEngine(testTopology(log, settings).parts, identity)
  await engine.idle()
  commits.shut()
  wall += day
  await vi.waitFor(() => expect(commits.waiting).toBe(1))
  await append(log, ...Array.from({ length: 9 }, (_, i) => [`c${i}`, start + day + i] as const))
  await vi.waitFor(() => expect(handed.records).toBe(9))
  commits.open()
  await engine.idle()
  await engine.stop()
  expect((await lastPosition(log)).endOffset).toBe(10)
})

test('a commit that gives nothing back is not forgotten when nobody waits yet', async () => {
  const credits = new Credits(1)
  await credits.granted()
  credits.take(1)
  credits.give(0)
  await credits.granted()
  let granted = false
  const waiting = credits.granted().then(() => (granted = true))
  await new Promise(setImmediate)
  expect(granted).toBe(false)
  credits.give(1)
  await waiting
})

test('an engine is not idle while its last batch waits for the store', async () => {
  const { log, handed } = gatedLog(() => start, 'none')
  const reads = new Gate()
  const home = new MapHome()
  const store = await home.open(0)
  const getMany = store.getMany.bind(store)
  store.getMany = async (keys) => {
    await reads.pass()
    return getMany(keys)
  }
  await append(log, ['quiet', start])
  const engine = startEngine(testTopology(log, { idleWaitMs: 2 }, { home }).parts, identity)
  await engine.idle()
  reads.shut()
  await append(log, ['other', start + 9 * day])
  let idle = false
  const resting = engine.idle().then(() => (idle = true))
  await vi.waitFor(() => expect(reads.waiting).toBe(1))
  const { polls } = handed
  await vi.waitFor(() => expect(handed.polls).toBeGreaterThan(polls + 5))
  expect(idle).toBe(false)
  reads.open()
  await resting
  // Drained, as the end of the input of a historic log asks for.
  const { timers, asOf } = await lastPosition(log)
  expect(timers).toEqual({ instant: asOf, customer: null })
  await engine.stop()
})

/** Snapshots that note where each put says that they stand. */
class NotedSnapshots extends MapSnapshots {
  readonly cursors: SnapshotCursor[] = []

  override put(...[puts, proof, cursor]: Parameters<MapSnapshots['put']>): void {
    this.cursors.push(cursor)
    super.put(puts, proof, cursor)
  }
}

test('at a stop each commit leaves the snapshots behind its own rows', async () => {
  const { log, commits, handed } = gatedLog(() => start, 'none')
  const snapshots = new NotedSnapshots()
  const { parts } = testTopology(log, { idleWaitMs: 2 }, { snapshots })
  const engine = startEngine(parts, identity)
  commits.shut()
  await append(log, ['a', start], ['b', start])
  await vi.waitFor(() => expect(commits.waiting).toBe(1))
  await append(log, ['c', start + 1])
  await vi.waitFor(() => expect(handed.records).toBe(3))
  const stopped = engine.stop()
  commits.open()
  await stopped
  expect(snapshots.cursors).toEqual([
    { commit: 1, featuresOffset: 2, scoresOffset: 2 },
    { commit: 2, featuresOffset: 3, scoresOffset: 3 },
  ])
})

test('snapshots that follow the outputs stand behind each commit in turn', async () => {
  const { log } = gatedLog(() => start, 'none')
  const { parts } = testTopology(log, { idleWaitMs: 2 })
  const engine = startEngine(parts, identity)
  await append(log, ['a', start], ['b', start])
  await engine.idle()
  await append(log, ['c', start + 1])
  await engine.idle()
  await engine.stop()
  const snapshots = new NotedSnapshots()
  await followSnapshots({ ...parts, snapshots }, 0, await lastPosition(log))
  expect(snapshots.cursors).toEqual([
    { commit: 1, featuresOffset: 2, scoresOffset: 2 },
    { commit: 2, featuresOffset: 3, scoresOffset: 3 },
    { commit: 2, featuresOffset: 3, scoresOffset: 3 },
  ])
})

test('snapshots that follow the outputs never stand within a commit', async () => {
  const { log } = gatedLog(() => start, 'none')
  // More than a portion, and in it the border of the two commits.
  const many = Array.from({ length: 1500 }, (_, i) => [`c${i}`, start] as const)
  await append(log, ...many)
  const { parts } = testTopology(log, { idleWaitMs: 2, batchRecordsMax: 4000 })
  const engine = startEngine(parts, identity)
  await engine.idle()
  await append(log, ...many.map(([customer]) => [customer, start + 1] as const))
  await engine.idle()
  await engine.stop()
  const snapshots = new NotedSnapshots()
  const rows = new OutputRows(parts.layout)
  await followSnapshots({ ...parts, snapshots }, 0, await lastPosition(log))
  const expected = new Map<number, number>()
  for (const record of await recordsOf(log, parts.topics.features, 0)) {
    expected.set(rows.decodeFeatures(record.value!).commit, record.offset + 1)
  }
  expect([...expected.values()].some((rowsSoFar) => rowsSoFar % 1024 !== 0)).toBe(true)
  expect(new Map(snapshots.cursors.map((one) => [one.commit, one.featuresOffset]))).toEqual(
    expected,
  )
  expect(snapshots.cursors.length).toBe(expected.size + 1)
})

test('an engine has ended only when each of its partitions has', async () => {
  const log = new MemoryLog({ timeBase: { kind: 'none' }, partitions: 2 })
  await append(log, ['a', start])
  let broken = false
  const reader = log.reader.bind(log)
  log.reader = (topic, partition, from) => {
    const inner = reader(topic, partition, from)
    if (partition === 0) return inner
    const poll: typeof inner.poll = async (...how) => {
      if (broken) throw new Error('partition 1 is broken')
      return inner.poll(...how)
    }
    return { poll, nextOffset: from, close: () => inner.close() }
  }
  const home = new MapHome()
  const store = await home.open(0)
  const flushes = new Gate()
  const write = store.write.bind(store)
  store.write = async (...what) => {
    await flushes.pass()
    return write(...what)
  }
  flushes.shut()
  const settings = { flushEveryMs: 0, idleWaitMs: 2 }
  const engine = startEngine(testTopology(log, settings, { home }).parts, identity)
  let ended = false
  const done = engine.done.finally(() => (ended = true))
  done.catch(() => undefined)
  await vi.waitFor(() => expect(flushes.waiting).toBe(1))
  broken = true
  await vi.waitFor(() => expect(engine.status().state).toBe('failed'))
  expect(ended).toBe(false)
  // Whoever asks only now must not wait for a partition that will never be idle again.
  await expect(engine.idle()).rejects.toThrow('partition 1 is broken')
  flushes.open()
  await expect(done).rejects.toThrow('partition 1 is broken')
})

test('a stop waits for no pause before a recovery', async () => {
  const { log } = gatedLog(() => start, 'none')
  const failing = new TidemarkError('LOG_BUSY', 'not now', { exit: 75, retry: 'later' })
  log.last = () => Promise.reject(failing)
  const { parts, notes } = testTopology(log, { retryAfterMs: 60_000 })
  const engine = startEngine(parts, identity)
  await vi.waitFor(() => expect(notes).toHaveLength(1))
  log.last = async () => null
  await engine.stop()
})

/** The log, as it is when the brokers have deleted what is before these offsets. */
function withoutBeginning<L extends EventLog>(log: L, starts: Readonly<Record<string, number>>): L {
  return new Proxy(log, {
    get: (_, name: string) => {
      if (name === 'startOffset') return async (topic: string) => starts[topic] ?? 0
      const member = log[name as keyof L]
      if (typeof member !== 'function') return member
      if (name !== 'reader') return member.bind(log)
      return (topic: string, partition: number, from: number) => {
        expect(from).toBeGreaterThanOrEqual(starts[topic] ?? 0)
        return log.reader(topic, partition, from)
      }
    },
  })
}

test.each([
  [3, 5],
  [5, 3],
  [4, 4],
  [0, 1],
])(
  'rows are followed with their own scores, where of both topics the first %i and %i are deleted',
  async (features, scores) => {
    const { log } = gatedLog(() => start, 'none')
    const { parts, snapshots: due } = testTopology(log, { idleWaitMs: 2 })
    const engine = startEngine(parts, identity)
    for (let round = 0; round < 6; round++) {
      // Two a commit, so that a beginning may cut one through.
      await append(log, [`a${round}`, start + round], [`b${round}`, start + round])
      await engine.idle()
    }
    await engine.stop()
    const { topics } = parts
    const cut = withoutBeginning(log, { [topics.features]: features, [topics.scores]: scores })
    const snapshots = new NotedSnapshots()
    await followSnapshots({ ...parts, log: cut, snapshots }, 0, await lastPosition(log))
    // All but those of commits that are not whole any more.
    const first = Math.max(features, scores)
    const left = [...due.rows].filter(([, { version }]) => (version - 1) * 2 >= first)
    expect(left.length).toBeGreaterThan(4)
    for (const [customer, row] of left) expect(snapshots.rows.get(customer)).toEqual(row)
    for (const [customer, row] of snapshots.rows) expect(row).toEqual(due.rows.get(customer))
  },
)

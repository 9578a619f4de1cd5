/** What a member does with what its group says. */
import { expect, test, vi } from 'vitest'
import { TidemarkError } from '../../src/errors.js'
import type { Group, GroupMember } from '../../src/log/membership.js'
import { MemoryLog } from '../../src/log/memory-log.js'
import type { Position } from '../../src/operators/position.js'
import type { SnapshotStore } from '../../src/snapshots/snapshots.js'
import { startMember } from '../../src/topology/member.js'
import { testTopology } from '../support/topology.js'

/** A group in the hands of the test. */
class HeldGroup implements Group {
  readonly counts = { rebalances: 0, lost: 0 }
  readonly told: string[] = []
  member: GroupMember | null = null
  confirms: ((isMember: boolean) => void)[] = []
  private left: () => void = () => undefined

  run(member: GroupMember): Promise<void> {
    this.member = member
    return new Promise((resolve) => (this.left = resolve))
  }

  confirm(): Promise<boolean> {
    return new Promise((resolve) => this.confirms.push(resolve))
  }

  /** Answers all who wait that they are members. */
  confirmAll(): void {
    for (const resolve of this.confirms.splice(0)) resolve(true)
  }

  async committed(offsets: ReadonlyMap<number, number>): Promise<void> {
    this.told.push(`committed ${[...offsets].join(' ')}`)
  }

  async leave(): Promise<void> {
    this.told.push('leave')
    this.left()
  }
}

async function started(partitions = 3) {
  const log = new MemoryLog({ timeBase: { kind: 'none' }, partitions })
  const transaction = log.begin('producer')
  for (let i = 0; i < 60; i++) {
    const body = { event_id: `e${i}`, customer_id: `c${i}`, occurred_at: 1_700_000_000_000 + i }
    const value = Buffer.from(JSON.stringify(body))
    const record = { key: Buffer.from(`c${i}`), value, timestamp: body.occurred_at, headers: null }
    transaction.append('test.events', i % partitions, record)
  }
  await transaction.commit()
  const topology = testTopology(log)
  const group = new HeldGroup()
  const parts = { ...topology.parts, logsState: true }
  const options = { group, stores: new Map([[2, 40]]), tellEveryMs: 1e9 }
  const member = startMember(parts, { app: 'test', synthetic: true }, options)
  const running = () => member.status().partitions.map(({ partition }) => partition)
  const through = (partition: number) =>
    vi.waitFor(() => {
      const found = member.status().partitions.find((it) => it.partition === partition)
      expect(found?.endOffset).toBe(60 / partitions)
    })
  /** Gives it the partitions, and waits until it has gone through them. */
  const run = async (...given: number[]) => {
    await group.member!.assigned(given, [])
    group.confirmAll()
    await Promise.all(given.map(through))
  }
  return { log, group, member, running, through, run, ...topology }
}

/** Holds the end of each flush back until it is called; later ones end at once. */
function holdFlushes(snapshots: SnapshotStore): () => void {
  let end = (): void => undefined
  const held = new Promise<void>((resolve) => (end = resolve))
  Object.assign(snapshots, { flush: () => held })
  return () => end()
}

test('a member runs what it is given, after the group has confirmed that it is still one', async () => {
  const { group, member, running, through, log } = await started()
  expect(member.status().state).toBe('starting')
  await group.member!.assigned([0, 2], [])
  expect(running()).toEqual([0, 2])
  await new Promise(setImmediate)
  expect(await log.last('test.changelog', 0)).toBeNull()
  group.confirmAll()
  await Promise.all([through(0), through(2)])
  expect(member.status().state).toBe('running')
  await member.stop()
  expect(group.told).toEqual(['committed 0,20 2,20', 'leave'])
})

test('what a member has to give up is free behind its last commit, and opened again when it is closed', async () => {
  const { group, member, running, through, run, home, parts, log } = await started()
  const released: string[] = []
  const release = (partition: number): void => {
    released.push(`${partition} ${home.stores.get(partition)!.held === null ? 'open' : 'closed'}`)
  }
  const flushed = holdFlushes(parts.snapshots)
  Object.assign(parts.snapshots, { release })
  await run(0, 1)
  await group.member!.assigned([1], [])
  expect([running(), released]).toEqual([[1], []])
  const { owned, stores } = await group.member!.holdings()
  expect([owned, stores.get(2)]).toEqual([[1], 40])
  expect(stores.get(0)).toBeGreaterThan(0)
  // Somebody else may commit here by now: what is left to do must not write to the log.
  const end = await log.endOffset('test.changelog', 0)
  await group.member!.assigned([0, 1], [])
  await new Promise(setImmediate)
  expect([running(), group.confirms.length]).toEqual([[0, 1], 0])
  flushed()
  await vi.waitFor(() => expect(group.confirms.length).toBe(1))
  // Nobody here followed its outputs any more.
  expect(released).toEqual(['0 closed'])
  expect(await log.endOffset('test.changelog', 0)).toBe(end)
  group.confirmAll()
  await through(0)
  await member.stop()
})

test('what fails behind the last commit of a given partition is let go, and the partition comes back', async () => {
  const { group, member, running, run, home, notes } = await started()
  await run(0)
  const store = home.stores.get(0)!
  const full = new TidemarkError('DISK_FULL', 'no room', { exit: 74, retry: 'later' })
  const write = vi.spyOn(store, 'write').mockRejectedValueOnce(full)
  await group.member!.assigned([], [])
  await vi.waitFor(() => expect(notes.join()).toContain('DISK_FULL'))
  expect(write).toHaveBeenCalledOnce()
  await group.member!.assigned([0], [])
  await vi.waitFor(() => expect(group.confirms.length).toBe(1))
  group.confirmAll()
  await vi.waitFor(() => expect(member.status().state).toBe('running'))
  expect(running()).toEqual([0])
  await member.stop()
})

test('a copy that never began, for the store is still open, holds nothing up', async () => {
  const { group, member, run, parts } = await started()
  const flushed = holdFlushes(parts.snapshots)
  await run(0)
  await group.member!.assigned([], [0])
  await run(1)
  flushed()
  await member.stop()
  expect(group.told.at(-1)).toBe('leave')
})

test('a copy of what a member has given up begins when its store is closed', async () => {
  const { group, member, through, run, parts, notes } = await started()
  const flushed = holdFlushes(parts.snapshots)
  await run(0)
  await group.member!.assigned([], [0])
  await new Promise((resolve) => setTimeout(resolve, 50))
  flushed()
  await group.member!.assigned([0], [])
  await vi.waitFor(() => expect(group.confirms.length).toBe(1))
  group.confirmAll()
  await through(0)
  expect(notes.filter((note) => note.includes('pauses'))).toEqual([])
  await member.stop()
})

test('a member leaves behind its last commits, before it has flushed', async () => {
  const { group, member, run, parts } = await started()
  const flushed = holdFlushes(parts.snapshots)
  await run(0)
  const stopping = member.stop()
  await vi.waitFor(() => expect(group.told).toEqual(['committed 0,20', 'leave']))
  expect(
    await Promise.race([stopping, new Promise((resolve) => setImmediate(resolve, 'runs'))]),
  ).toBe('runs')
  flushed()
  await stopping
})

test('a member that the group has gone on without gives all up, and begins again when it is given', async () => {
  const { group, member, running, run, notes } = await started()
  await group.member!.assigned([0], [])
  await group.member!.lost('the group is gone')
  expect([running(), member.status().state]).toEqual([[], 'starting'])
  expect(notes).toContain('the group is gone; all partitions are given up')
  await run(0)
  await member.stop()
})

test('a copy follows what another member commits, and is taken over with nothing left to follow', async () => {
  const first = await started(1)
  await first.group.member!.assigned([0], [])
  first.group.confirmAll()
  await first.through(0)
  const topology = testTopology(first.log)
  const group = new HeldGroup()
  const parts = { ...topology.parts, logsState: true }
  const member = startMember(parts, { app: 'test', synthetic: true }, { group, stores: new Map() })
  await group.member!.assigned([], [0])
  await vi.waitFor(async () => {
    expect((await group.member!.holdings()).stores.get(0)).toBeGreaterThan(0)
  })
  await first.member.stop()
  await group.member!.assigned([0], [])
  group.confirmAll()
  await vi.waitFor(() => expect(member.status().partitions[0].endOffset).toBe(60))
  expect(topology.notes.join()).toContain('has followed 0 offsets of the state')
  await member.stop()
})

test('another generation runs in place of the one before, and the membership goes on', async () => {
  const { group, member, running, through, run, parts, log } = await started()
  const generations = new Map([1, 2].map((number) => [number, parts.layout.appHash]))
  const next = {
    ...parts,
    ...testTopology(log).parts,
    logsState: true,
    topics: { ...parts.topics, state: 'test.g2.state' },
    generation: { number: 2, appHashes: generations },
  }
  await run(0, 1)
  const switching = member.switchTo(next, new Map([[0, 1]]))
  // What the group says meanwhile comes behind it, to what runs by then.
  const assigning = group.member!.assigned([1, 2], [])
  expect(await switching).toBe(true)
  await assigning
  expect(running()).toEqual([1, 2])
  const confirming = setInterval(() => group.confirmAll(), 5)
  const numberOf = async (partition: number) => {
    const { value } = (await log.last('test.changelog', partition))!
    return (JSON.parse(String(value)) as Position).generation?.number ?? 1
  }
  await vi.waitFor(async () => expect(await numberOf(1)).toBe(2))
  await through(2)
  expect([await numberOf(2), group.told]).toEqual([2, []])
  await member.stop()
  clearInterval(confirming)
  expect(await member.switchTo(parts, new Map())).toBe(false)
  expect(group.told.at(-1)).toBe('leave')
})

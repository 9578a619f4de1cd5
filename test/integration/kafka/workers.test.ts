/**
 * Members of a group that are killed, frozen, stopped and joined by others while the input comes:
 * nothing is lost, nothing doubled, all is as in an engine that nobody disturbed (C7).
 */
import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest'
import type { EventLog, StoredRecord } from '../../../src/log/log.js'
import type { Position } from '../../../src/operators/position.js'
import { KafkaRound, placedRecords } from '../../support/kafka-round.js'
import { type DataFacts, factDifferences } from '../../support/kill/data-facts.js'
import { workerKills } from '../../support/kill/kills.js'
import { reportFaults } from '../../support/kill/verified.js'
import { recordsOf } from '../../support/outputs.js'
import { kafkaBrokers } from '../../support/shared-broker.js'
import { sharedFolder } from '../../support/temp-folder.js'
import { WorkerChild } from '../../support/worker-child.js'

const folder = sharedFolder()
const partitions = 4
const records = placedRecords(5, 120, partitions)
let due: DataFacts

beforeAll(async () => {
  await kafkaBrokers()
}, 300_000)

/** Topics of a test's own, their log, a reader that follows one output, and children that end. */
async function arena({ copies = 0, sessionMs = 2_000 } = {}) {
  const round = await KafkaRound.begin(`t${randomUUID().slice(0, 8)}-`, partitions)
  due ??= await round.undisturbed(records)
  const log = await round.open()
  onTestFinished(() => log.close())
  const children: WorkerChild[] = []
  onTestFinished(() => Promise.all(children.map((child) => child.end())).then(() => undefined))
  const worker = async (name: string, failpoint?: string, instance?: string) => {
    const disk = join(folder, round.prefix + name)
    const args = [round.brokers.join(','), round.prefix, disk, `${copies}`, `${sessionMs}`]
    if (instance !== undefined) args.push(instance)
    const child = new WorkerChild(args, failpoint?.replace(/:(\d+)$/, ':kill:$1'))
    children.push(child)
    await Promise.race([child.started, child.ended])
    return child
  }
  let at = 0
  /** The next portion of the input, of `count` in all; false where nothing is left. */
  const feed = async (count: number) => {
    const size = Math.ceil(records.length / count)
    await round.produce(records.slice(at, at + size))
    at += size
    return at < records.length
  }
  return { round, log, worker, feed, follower: new Follower(log, round.topics.features) }
}

/** Reads an output while it is written. */
class Follower {
  readonly seen: StoredRecord[][] = Array.from({ length: partitions }, () => [])
  private isEnding = false
  private readonly ended: Promise<unknown>

  constructor(log: EventLog, topic: string) {
    this.ended = Promise.all(
      this.seen.map(async (seen, partition) => {
        const reader = log.reader(topic, partition, 0)
        for (let atEnd = false; !this.isEnding || !atEnd;) {
          const poll = await reader.poll(1000, 50)
          seen.push(...poll.records)
          atEnd = poll.atEnd
        }
        await reader.close()
      }),
    )
    // Where the test fails first, the log is closed under it.
    this.ended.catch(() => undefined)
  }

  async end(): Promise<void> {
    this.isEnding = true
    await this.ended
  }
}

async function positionOf(log: EventLog, topic: string, partition: number) {
  const record = await log.last(topic, partition)
  return record === null ? null : (JSON.parse(String(record.value)) as Position)
}

/** Until all of the input is committed, and nothing more is. */
async function rest({ round, log }: { round: KafkaRound; log: EventLog }, withinMs = 60_000) {
  const { events, changelog } = round.topics
  const until = Date.now() + withinMs
  for (let before = ''; Date.now() < until; await sleep(500)) {
    const commits: number[] = []
    for (let partition = 0; partition < partitions; partition++) {
      const position = await positionOf(log, changelog, partition)
      const end = await log.endOffset(events, partition)
      commits.push(position?.endOffset === end ? position.commit : NaN)
    }
    if (commits.join() === before && !commits.some(Number.isNaN)) return
    before = commits.join()
  }
  throw new Error('the workers did not come to rest')
}

/** The partitions that the group gave a worker, each time that it gave it any. */
function sharesOf({ notes }: WorkerChild): string[][] {
  const shares = [...notes.matchAll(/partitions of this member: (.*)/g)]
  return shares.map(([, list]) => (list === 'none' ? [] : list.split(', ')))
}

/** What is wrong after all workers have stopped. */
async function faultsOf({ round, log, follower }: Awaited<ReturnType<typeof arena>>) {
  const facts = await round.facts(log)
  const faults = [...facts.faults, ...factDifferences(facts, due)]
  faults.push(...reportFaults(await round.verify(log)))
  await follower.end()
  for (let partition = 0; partition < partitions; partition++) {
    const all = await recordsOf(log, round.topics.features, partition)
    const text = (list: readonly StoredRecord[]) =>
      list.map(({ offset, value }) => `${offset} ${value?.toString('hex')}`).join()
    if (text(follower.seen[partition]) !== text(all)) {
      faults.push(`partition ${partition}: who read it meanwhile has seen something else`)
    }
  }
  return faults
}

describe('workers over Kafka', () => {
  test('one that nobody disturbs does what an engine in memory does', async () => {
    const place = await arena()
    await place.feed(1)
    const worker = await place.worker('a')
    await rest(place)
    worker.signal('SIGTERM')
    expect([await worker.ended, worker.notes]).toEqual([0, expect.any(String)])
    expect(await faultsOf(place)).toEqual([])
  }, 120_000)

  test('killed at each failpoint, beside another one that takes over, lose and double nothing', async () => {
    const place = await arena()
    const steady = await place.worker('steady')
    for (const failpoint of workerKills) {
      const worker = await place.worker('killed', failpoint)
      let isLeft = true
      while (worker.isRunning && isLeft) {
        isLeft = await place.feed(150)
        await Promise.race([worker.ended, sleep(300)])
      }
      const end = await Promise.race([worker.ended, sleep(10_000, 'nothing')])
      const notes = `${failpoint}: ${worker.notes}\n${steady.notes}`
      expect([end, notes]).toEqual(['SIGKILL', notes])
    }
    await place.feed(1)
    await rest(place)
    steady.signal('SIGTERM')
    expect([await steady.ended, steady.notes]).toEqual([0, steady.notes])
    expect(await faultsOf(place)).toEqual([])
  }, 300_000)

  test('that come and go share out anew, and the leaving one lets no transaction be aborted', async () => {
    const place = await arena()
    const running = [await place.worker('a'), await place.worker('b')]
    // Each that comes has the disk of the one that left before it.
    const disks = ['c', 'a', 'b', 'c']
    for (const disk of disks) {
      await place.feed(disks.length)
      running.push(await place.worker(disk))
      const leaving = running.shift()!
      leaving.signal('SIGTERM')
      expect([await leaving.ended, leaving.notes]).toEqual([0, leaving.notes])
      expect(leaving.notes).not.toContain('TRANSACTION_FENCED')
    }
    await rest(place)
    for (const worker of running) worker.signal('SIGTERM')
    expect(await Promise.all(running.map(({ ended }) => ended))).toEqual([0, 0])
    expect(await faultsOf(place)).toEqual([])
  }, 300_000)

  test('that keep copies take over with little to follow, and never restore in full', async () => {
    const place = await arena({ copies: 1 })
    const owner = await place.worker('owner')
    await place.feed(2)
    await rest(place)
    const heir = await place.worker('heir')
    await vi.waitFor(
      () => expect(heir.notes).toMatch(/partitions of this member: \d, \d\n$/),
      20_000,
    )
    // Until its copies are at the end.
    await sleep(2_500)
    await place.feed(2)
    owner.signal('SIGKILL')
    await rest(place)
    heir.signal('SIGTERM')
    expect([await heir.ended, heir.notes]).toEqual([0, heir.notes])
    const followed = [...heir.notes.matchAll(/has followed (\d+) offsets/g)].map(([, n]) => +n)
    let whole = 0
    for (let p = 0; p < partitions; p++)
      whole += await place.log.endOffset(place.round.topics.state, p)
    expect(followed).toHaveLength(partitions)
    expect(followed.reduce((sum, n) => sum + n)).toBeLessThan(whole / 4)
    expect(heir.notes).not.toContain('set aside')
    expect(await faultsOf(place)).toEqual([])
  }, 300_000)

  test('frozen past their session and thawed write nothing more of what they have lost', async () => {
    const place = await arena()
    const frozen = await place.worker('frozen')
    const other = await place.worker('other')
    await place.feed(3)
    await sleep(500)
    frozen.signal('SIGSTOP')
    await place.feed(3)
    await sleep(4_000)
    frozen.signal('SIGCONT')
    await place.feed(3)
    await rest(place)
    for (const worker of [frozen, other]) worker.signal('SIGTERM')
    expect([await frozen.ended, await other.ended]).toEqual([0, 0])
    expect(frozen.notes).toContain('has gone on without this member')
    expect(await faultsOf(place)).toEqual([])
  }, 300_000)

  test('killed and started again within their session go on with what they had, and nobody waits', async () => {
    const place = await arena({ sessionMs: 60_000 })
    const other = await place.worker('other')
    await place.feed(4)
    let killed = await place.worker('killed')
    await vi.waitFor(() => expect(sharesOf(killed).at(-1)).toHaveLength(2), 20_000)
    const had = sharesOf(killed).at(-1)
    await rest(place)
    // A follower's first; the one that was there before it leads.
    for (let times = 0; times < 2; times++) {
      const shares = sharesOf(other).length
      killed.signal('SIGKILL')
      await killed.ended
      killed = await place.worker('killed')
      await place.feed(4)
      await rest(place, 30_000)
      expect(sharesOf(killed)[0]).toEqual(had)
      expect(new Set(sharesOf(other).slice(shares).map(String)).size).toBeLessThanOrEqual(1)
    }
    const led = sharesOf(other).at(-1)
    other.signal('SIGKILL')
    await other.ended
    const again = await place.worker('other')
    await place.feed(1)
    await rest(place, 30_000)
    expect(sharesOf(again)[0]).toEqual(led)
    for (const worker of [again, killed]) worker.signal('SIGTERM')
    expect(await Promise.all([again.ended, killed.ended])).toEqual([0, 0])
    expect(await faultsOf(place)).toEqual([])
  }, 300_000)

  test('of one name, as on copies of a machine, are two members: the earlier one goes on without it', async () => {
    const place = await arena()
    const first = await place.worker('first', undefined, 'twin')
    await place.feed(3)
    await vi.waitFor(() => expect(sharesOf(first).at(-1)).toHaveLength(partitions), 20_000)
    const second = await place.worker('second', undefined, 'twin')
    await place.feed(3)
    await vi.waitFor(() => {
      expect(first.notes).toContain('another process is member twin of group')
      expect([sharesOf(first).at(-1), sharesOf(second).at(-1)].map((it) => it?.length)).toEqual([
        2, 2,
      ])
    }, 30_000)
    await place.feed(1)
    await rest(place)
    expect(first.notes.split('another process').length).toBe(2)
    expect(second.notes).not.toContain('another process')
    for (const worker of [first, second]) worker.signal('SIGTERM')
    expect(await Promise.all([first.ended, second.ended])).toEqual([0, 0])
    expect(await faultsOf(place)).toEqual([])
  }, 300_000)
})

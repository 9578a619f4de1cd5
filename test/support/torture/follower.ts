/** A reader of committed records that runs all the time, and when each partition had a record last. */
import type { EventLog } from '../../../src/log/log.js'
import { mapDifferences, recordsOf } from '../outputs.js'
import { recordText } from './record-text.js'

interface Followed {
  readonly topic: string
  readonly partition: number
  /** By offset, the record's text. */
  readonly seen: Map<string, string>
  lastMs: number
  /** What came last with each arrival, and when. */
  readonly arrivals: (readonly [offset: number, ms: number])[]
  /** Between two arrivals, where it was long: from when to when. */
  readonly gaps: [number, number][]
}

/** Shorter ones are the pace of commits. */
const gapMsMin = 200

export class Follower {
  private readonly followed: Followed[] = []
  private isEnding = false
  private readonly ended: Promise<unknown>
  private readonly doubled: string[] = []

  constructor(
    private readonly log: EventLog,
    readonly topics: readonly string[],
  ) {
    for (const topic of topics) {
      for (let partition = 0; partition < log.partitions(topic); partition++) {
        this.followed.push({ topic, partition, seen: new Map(), lastMs: 0, arrivals: [], gaps: [] })
      }
    }
    this.ended = Promise.all(this.followed.map((one) => this.follow(one)))
    // Where the round fails first, the log is closed under it.
    this.ended.catch(() => undefined)
  }

  /** When the first of the topics had a record of the partition last, by `performance.now()`. */
  lastMs(partition: number): number {
    return this.followed.find((one) => one.partition === partition)!.lastMs
  }

  /** When the first of the topics had its first record of the partition from `offset` on; null: not yet. */
  reachedMs(partition: number, offset: number): number | null {
    const { arrivals } = this.followed.find((one) => one.partition === partition)!
    return arrivals.find(([last]) => last >= offset)?.[1] ?? null
  }

  /** How long nothing came of a partition at most, since then, in ms. */
  pauseMs(partition: number, sinceMs: number): number {
    const { gaps } = this.followed.find((one) => one.partition === partition)!
    return gaps.reduce((most, [from, to]) => Math.max(most, to - Math.max(from, sinceMs)), 0)
  }

  /** Ends at the end of everything, and tells where a reader that begins now sees something else. */
  async end(): Promise<string[]> {
    this.isEnding = true
    await this.ended
    const faults = [...this.doubled]
    for (const { topic, partition, seen } of this.followed) {
      const now = new Map<string, string>()
      for (const record of await recordsOf(this.log, topic, partition)) {
        now.set(String(record.offset), recordText(partition, record))
      }
      const name = `what a reader saw meanwhile of ${topic}/${partition}, at offset`
      faults.push(...mapDifferences(name, seen, now))
    }
    return faults
  }

  private async follow(one: Followed): Promise<void> {
    const reader = this.log.reader(one.topic, one.partition, 0)
    let before = -1
    for (let atEnd = false; !this.isEnding || !atEnd;) {
      const poll = await reader.poll(1_000, 100)
      const nowMs = performance.now()
      if (poll.records.length > 0) {
        if (nowMs - one.lastMs > gapMsMin) one.gaps.push([one.lastMs, nowMs])
        one.lastMs = nowMs
        one.arrivals.push([poll.records.at(-1)!.offset, nowMs])
      }
      for (const record of poll.records) {
        const { offset } = record
        if (offset <= before) this.doubled.push(`a reader saw ${offset} behind ${before}`)
        before = offset
        one.seen.set(String(offset), recordText(one.partition, record))
      }
      atEnd = poll.atEnd
    }
    await reader.close()
  }
}

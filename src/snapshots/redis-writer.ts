/**
 * Brings to Redis what waits for it, one write at a time, and finds out what Redis has lost.
 *
 * Owns what waits, what is known of each partition, and when something is sent. Does not own the
 * outputs: `refill` puts them again.
 *
 * W1 Rows first, then the partition's record: a cursor in Redis is ahead of no row that is missing.
 * W2 What failed is sent again, for as long as it takes; rows compare versions, so what took place
 *    twice took place once (N1, N2).
 * W3 A record that is gone, went back, or is of other servers ends the life of all that is stored:
 *    the outputs are put again from their beginning, without a restart.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { TidemarkError } from '../errors.js'
import { endOfAll } from '../end-of-all.js'
import { failpoint } from '../failpoint.js'
import { RedisHealth } from './redis-health.js'
import type { RedisKeys } from './redis-keys.js'
import type { RedisLink } from './redis-link.js'
import type { RedisSettings } from './redis-options.js'
import { RedisPartition } from './redis-partition.js'
import { type HeldRecord, RedisRecords } from './redis-record.js'
import { RedisRefill } from './redis-refill.js'
import { rowOf } from './redis-row.js'
import { RedisSample } from './redis-sample.js'
import { sweepRetired, sweepRows } from './redis-sweep.js'
import { RedisTops } from './redis-tops.js'
import { WaitingRows } from './redis-waiting.js'
import { sendRows } from './redis-write.js'
import type { PartitionProof, SnapshotPut } from './snapshots.js'
import type { PartitionTop } from './top-lists.js'

export class RedisWriter {
  readonly rows = new WaitingRows()
  readonly partitions = new Map<number, RedisPartition>()
  readonly records: RedisRecords
  readonly health: RedisHealth
  readonly #link: RedisLink
  readonly #keys: RedisKeys
  readonly #settings: RedisSettings
  readonly #refills: RedisRefill
  readonly #sample: RedisSample
  readonly #tops: RedisTops
  readonly #checks: NodeJS.Timeout
  readonly #sweeps: NodeJS.Timeout
  #sweeping: Promise<void> | null = null
  /** Of the servers that the lives hold for; null: they have to be looked at again. */
  #servers: string | null = null
  #checkDue = false
  #dirty = false
  #writing: Promise<void> | null = null
  #stopping = false
  #begun = 0
  #begunAt = -Infinity
  #written = 0

  constructor(link: RedisLink, keys: RedisKeys, settings: RedisSettings) {
    this.#link = link
    this.#keys = keys
    this.#settings = settings
    this.records = new RedisRecords(link, keys)
    this.health = new RedisHealth(settings)
    this.#refills = new RedisRefill(this, settings)
    this.#sample = new RedisSample(link, keys)
    this.#tops = new RedisTops(link, keys, settings, (number) => this.partitions.has(number))
    link.onConnected = () => this.check()
    this.#checks = setInterval(() => this.check(), settings.checkEveryMs)
    this.#checks.unref()
    this.#sweeps = setInterval(() => this.#sweepSoon(), settings.sweepEveryMs).unref()
  }

  get stopped(): boolean {
    return this.#stopping || this.#link.closed
  }

  get isFull(): boolean {
    return this.rows.bytes >= this.#settings.waitingBytesMax
  }

  /** The number of the last write that succeeded. */
  get written(): number {
    return this.#written
  }

  /** The number of the first write that has all that waits now. */
  nextWrite(): number {
    this.kick()
    return this.#begun + 1
  }

  of(number: number): RedisPartition {
    let partition = this.partitions.get(number)
    if (partition === undefined) {
      partition = new RedisPartition(number)
      this.partitions.set(number, partition)
    }
    return partition
  }

  /** Somebody else follows the partition from now on. */
  release(number: number): void {
    // Ends what is put again for it.
    this.partitions.get(number)?.missing()
    this.partitions.delete(number)
    this.#sample.forget(number)
    this.#tops.forget(number)
  }

  /** null: the partition is not followed here, or no lists are kept. */
  top(number: number): PartitionTop | null {
    return this.#tops.answer(this.partitions.get(number))
  }

  add(puts: readonly SnapshotPut[], proof: PartitionProof, sure: boolean): void {
    const { partition, commit } = proof
    const { changes } = this.#settings
    for (const put of puts) {
      if (changes === undefined) {
        this.rows.add(rowOf(put, partition, commit, sure))
        continue
      }
      const { features, score } = put
      const bytes = features === null ? null : changes.encode(features, score)
      const head = features === null ? null : (put.head ?? changes.head(features, score))
      this.rows.add(rowOf(put, partition, commit, sure, head), [{ commit, bytes }])
    }
  }

  /** Whether Redis has what it was told is looked at before the next write, which is soon. */
  check(): void {
    this.#checkDue = true
    this.kick()
  }

  kick(): void {
    this.#dirty = true
    if (this.#writing !== null || this.stopped) return
    this.#writing = this.#writeAll().finally(() => {
      this.#writing = null
      this.health.changed()
    })
  }

  async stop(): Promise<void> {
    this.#stopping = true
    clearInterval(this.#checks)
    clearInterval(this.#sweeps)
    this.#link.close()
    this.health.stop()
    await this.#writing
    await this.#sweeping
    await this.#tops.close()
  }

  #sweepSoon(): void {
    if (this.stopped || this.health.failure !== null) return
    this.#sweeping ??= this.#sweep().finally(() => (this.#sweeping = null))
  }

  /** Of the partitions that are fresh: what is missing elsewhere is put again as it was. */
  async #sweep(): Promise<void> {
    const before = new Map<number, number>()
    for (const { partition, proof } of this.partitions.values()) {
      const { retiredMsMax } = this.#settings
      if (proof?.caughtUp === true) before.set(partition, proof.asOf - retiredMsMax)
    }
    if (before.size === 0 || this.#settings.retiredMsMax === Infinity) return
    try {
      const swept = await sweepRetired(this.#link, this.#keys, before)
      this.#sample.leave(swept)
      if (swept.length > 0) this.#settings.note(`${swept.length} retired customers leave Redis`)
    } catch (error) {
      // Whoever writes tells what is wrong with Redis; the next sweep comes in its time.
      if (!(error instanceof TidemarkError)) throw error
    }
  }

  async #writeAll(): Promise<void> {
    // The rest of this turn's puts go with this write.
    await new Promise(setImmediate)
    while (this.#dirty && !this.stopped) {
      await this.#pause()
      this.#dirty = false
      try {
        await this.#write()
        this.#written = this.#begun
        this.health.succeeded()
      } catch (error) {
        // Not the world's: a row that cannot be read is a mistake of ours.
        if (!(error instanceof TidemarkError)) throw error
        this.#dirty = true
        this.#servers = null
        if (!this.stopped) await this.health.failed(error)
      }
    }
  }

  /** Commits of a few rows come by the hundred a second: what a round trip costs is not paid for each. */
  async #pause(): Promise<void> {
    const now = performance.now()
    const leftMs = this.#begunAt + this.#settings.writeEveryMs - now
    this.#begunAt = now + Math.max(0, leftMs)
    if (leftMs > 0) await sleep(leftMs)
  }

  async #write(): Promise<void> {
    await this.#verify()
    this.#begun++
    // Together with the rows: what is put from here on is of the next write.
    const goals = [...this.partitions.values()].flatMap((of) => {
      const { life, partition } = of
      return life === null ? [] : [{ ...of.goal(), life, partition, of }]
    })
    const sent = this.rows.take()
    const rows = sent.map(({ row }) => row)
    // Before they are there: a sweep that meets one at once then takes it out of the sample too.
    this.#sample.remember(rows)
    try {
      failpoint('redis.before-rows')
      await this.#tops.during((stored) =>
        sendRows(sent, this.#link, this.#keys, this.#settings, stored),
      )
      failpoint('redis.after-rows')
    } catch (error) {
      this.#sample.leave(rows.map(({ customer }) => customer))
      this.rows.failed()
      throw error
    }
    this.rows.sent()
    await this.#tops.publish(this.partitions.values())
    if (goals.length === 0) return
    const saved = await this.records.save(goals)
    failpoint('redis.after-record')
    goals.forEach((goal, index) => {
      if (goal.of.life !== goal.life) return
      if (saved[index] === 'ok') goal.of.saved(goal)
      else this.#lost(goal.of, saved[index] === 'life' ? 'its record is gone' : 'it went back')
    })
  }

  /** W3. Before anything is written: whether these are the servers that have what they were told. */
  async #verify(): Promise<void> {
    const isDue = this.#checkDue || this.#servers === null
    this.#checkDue = false
    if (isDue) this.#servers = (await this.#link.servers()).fingerprint
    const servers = this.#servers!
    for (const number of isDue ? await this.#sample.missing() : []) {
      const partition = this.partitions.get(number)
      if (partition === undefined) continue
      this.#lost(partition, 'a customer is missing')
      // Its record tells nothing of that.
      partition.distrusted = true
    }
    // Side by side: whoever opens several partitions waits for all of their records.
    const asked = [...this.partitions.values()].filter(({ life }) => isDue || life === null)
    await endOfAll(asked.map((partition) => this.#verifyRecord(partition, servers)))
    for (const partition of this.partitions.values()) this.#refills.begin(partition)
  }

  async #verifyRecord(partition: RedisPartition, servers: string): Promise<void> {
    const { partition: number, life } = partition
    let held = await this.records.read(number, servers)
    if (life === null) held = await this.#withoutForeign(partition, held)
    if (partition.distrusted) held = { ...held, life: null, cursor: null }
    if (held.life !== null && held.life === life) return
    if (life !== null) this.#lost(partition, 'it is another server, or its record is gone')
    if (held.life === null) {
      held = { ...held, life: await this.records.begin(number, servers, this.#settings.log) }
    }
    partition.found(held)
    this.health.changed()
  }

  /** Rows that the log does not have would keep out the ones that it will have (N1). */
  async #withoutForeign(partition: RedisPartition, held: HeldRecord): Promise<HeldRecord> {
    const { log, note } = this.#settings
    const { partition: number, isNew } = partition
    if (log === undefined || !isNew || held.log === null) return held
    const newest = held.log === log.id ? await log.committed(number) : -1
    if (held.highest <= newest) return held
    const commits = newest === -1 ? 'of another log' : `above ${newest}, which the log has not`
    note(`Redis has commits of partition ${number} ${commits}: their rows are deleted`)
    await sweepRows(this.#link, this.#keys, { partition: number, newerThan: newest })
    return { ...held, life: null, cursor: null, proof: null, highest: -1 }
  }

  #lost(partition: RedisPartition, why: string): void {
    partition.lost()
    this.#sample.forget(partition.partition)
    this.#dirty = true
    const what = `Redis does not have the snapshots of partition ${partition.partition}`
    this.#settings.note(`${what}: ${why}; all are put again`)
  }
}

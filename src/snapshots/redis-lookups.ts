/**
 * Lookups in Redis for a process that puts nothing there: rows, and what proves them.
 *
 * K1 The proof is asked for before the row. On one server that is one round trip, for it does the
 *    calls of a connection in their order; in a cluster it takes two.
 * K2 Nothing waits for a Redis that is away, and it is asked again and again until it is back.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { partitionOf } from '../events/partition.js'
import { TidemarkError } from '../errors.js'
import type { RedisAddress } from './redis-address.js'
import { historyCall, historyFrom } from './redis-changes.js'
import { RedisKeys } from './redis-keys.js'
import { RedisLink } from './redis-link.js'
import { proofCall, provedBy } from './redis-record.js'
import { readFields, rowFrom } from './redis-row.js'
import { topCall, topFrom } from './redis-top.js'
import { snapshotOf } from './snapshot-row.js'
import type { PartitionProof, Snapshot } from './snapshots.js'
import type { PartitionTop } from './top-lists.js'

export interface RedisLookupsOptions {
  readonly app: string
  readonly generation: string
  readonly keyPrefix?: string
  /** Told when Redis goes away, and when it is back. */
  readonly note?: (text: string) => void
  /** How often it is looked whether Redis is there, in ms. @default 1000 */
  readonly checkEveryMs?: number
  /** A server that says nothing for so long is given up, in ms. @default 2000 */
  readonly silenceMsMax?: number
}

export class RedisLookups {
  readonly #link: RedisLink
  readonly #keys: RedisKeys
  readonly #note: (text: string) => void
  readonly #closing = new AbortController()
  #failure: string | null = null
  #partitions: number | null = null

  private constructor(link: RedisLink, keys: RedisKeys, note: (text: string) => void) {
    this.#link = link
    this.#keys = keys
    this.#note = note
  }

  /**
   * Opens them, whether Redis is there or not.
   *
   * @throws TidemarkError REDIS_ADDRESS, REDIS_REFUSED, REDIS_PREFIX_INVALID (78)
   * @example
   * const lookups = await RedisLookups.open({ url }, { app: 'churn', generation: '1' })
   * await lookups.find('c-42') // { snapshot, proof }
   */
  static async open(address: RedisAddress, options: RedisLookupsOptions): Promise<RedisLookups> {
    const keys = new RedisKeys(options.app, options.generation, options.keyPrefix)
    const { silenceMsMax = 2_000, checkEveryMs = 1_000, note = () => undefined } = options
    const link = new RedisLink(address, { silenceMsMax, pauseMsMax: 1_000 })
    const lookups = new RedisLookups(link, keys, note)
    try {
      lookups.#told(await link.connect(silenceMsMax))
    } catch (error) {
      link.close()
      throw error
    }
    void lookups.#watch(checkEveryMs)
    return lookups
  }

  /** The code of what keeps Redis from answering; null: nothing. */
  get failure(): string | null {
    return this.#failure
  }

  /** @throws TidemarkError REDIS_UNAVAILABLE and its like */
  async find(
    customer: string,
  ): Promise<{ readonly snapshot: Snapshot | null; readonly proof: PartitionProof | null }> {
    const row = {
      command: 'hmget',
      keys: [this.#keys.customer(customer)],
      rest: readFields,
    }
    const step = 'reading snapshots'
    const partitions = this.#partitions ?? (await this.#ask())
    if (partitions === null) {
      const [reply] = await this.#link.send([row], step)
      return { snapshot: snapshotFrom(customer, reply), proof: null }
    }
    const partition = partitionOf(Buffer.from(customer), partitions)
    const proof = proofCall(this.#keys.partition(partition))
    const [proved, reply] = this.#link.isCluster
      ? [...(await this.#link.send([proof], step)), ...(await this.#link.send([row], step))]
      : await this.#link.send([proof, row], step)
    return { snapshot: snapshotFrom(customer, reply), proof: provedBy(partition, proved) }
  }

  /** @throws TidemarkError REDIS_UNAVAILABLE and its like */
  async history(customer: string): Promise<readonly Uint8Array[]> {
    const [reply] = await this.#link.send([historyCall(this.#keys, customer)], 'reading a history')
    return historyFrom(reply)
  }

  /**
   * The top lists of all partitions, as they were published last.
   *
   * @throws TidemarkError REDIS_UNAVAILABLE and its like
   */
  async top(): Promise<readonly PartitionTop[]> {
    const partitions = this.#partitions ?? (await this.#ask()) ?? 0
    const calls = Array.from({ length: partitions }, (_, number) => topCall(this.#keys, number))
    const replies = await this.#link.send(calls, 'reading the top lists')
    return replies.map((reply, partition) => topFrom(partition, reply))
  }

  close(): void {
    this.#closing.abort()
    this.#link.close()
  }

  /** How many partitions there are, which the record of the first one says; null: it is not there. */
  async #ask(): Promise<number | null> {
    const key = this.#keys.partition(0)
    const call = { command: 'hget', keys: [key], rest: ['partitions'] }
    const [reply] = await this.#link.send([call], 'reading the record of partition 0')
    const count = Number((reply as Buffer | null)?.toString() ?? 0)
    if (count > 0) this.#partitions = count
    return this.#partitions
  }

  async #watch(everyMs: number): Promise<void> {
    const { signal } = this.#closing
    while (!signal.aborted) {
      await sleep(everyMs, undefined, { signal, ref: false }).catch(() => undefined)
      if (signal.aborted) return
      try {
        await this.#link.servers()
        this.#told(null)
      } catch (error) {
        if (!(error instanceof TidemarkError)) throw error
        if (!signal.aborted) this.#told(error)
      }
    }
  }

  #told(failure: TidemarkError | null): void {
    const before = this.#failure
    this.#failure = failure?.code ?? null
    if (failure !== null && failure.code !== before) {
      this.#note(`lookups wait for Redis: ${failure.code}: ${failure.message}`)
    } else if (failure === null && before !== null) this.#note('Redis answers again')
  }
}

function snapshotFrom(customer: string, reply: unknown): Snapshot | null {
  return snapshotOf(customer, rowFrom(reply as (Buffer | null)[]))
}

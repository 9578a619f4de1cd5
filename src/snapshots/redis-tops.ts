/** The top lists of the partitions that a writer follows, and when they are published. */
import type { RedisKeys } from './redis-keys.js'
import type { RedisLink } from './redis-link.js'
import type { RedisSettings } from './redis-options.js'
import type { RedisPartition } from './redis-partition.js'
import type { RedisRow } from './redis-row.js'
import { daysFrom, publishCall, redisTop } from './redis-top.js'
import type { TopKeeper } from './top-keeper.js'
import type { PartitionTop, TopRow } from './top-lists.js'

export class RedisTops {
  readonly #link: RedisLink
  readonly #keys: RedisKeys
  readonly #publishMs: number
  /** null: no history is kept, and so no lists. */
  readonly #keeper: TopKeeper | null
  #publishedAt = -Infinity

  constructor(
    link: RedisLink,
    keys: RedisKeys,
    { changes, topEveryMs, topPublishMs }: RedisSettings,
    follows: (partition: number) => boolean,
  ) {
    this.#link = link
    this.#keys = keys
    this.#publishMs = topPublishMs
    this.#keeper = changes === undefined ? null : redisTop(link, keys, follows, topEveryMs)
  }

  /** Takes over what a write tells as stored, however the write ends. */
  async during(write: (stored: (row: RedisRow, days: string) => void) => Promise<void>) {
    const rows: TopRow[] = []
    try {
      await write(({ customer, partition, version, head }, days) =>
        rows.push({ customer, partition, version, head, days: daysFrom(days) }),
      )
    } finally {
      this.#keeper?.observe(rows)
    }
  }

  answer(followed: RedisPartition | undefined): PartitionTop | null {
    if (this.#keeper === null || followed === undefined) return null
    const { partition, proof } = followed
    if (proof !== null) this.#keeper.advance(partition, proof.asOf)
    return this.#keeper.answer(partition)
  }

  /** At most once in `topPublishMs`; other processes then answer with it. */
  async publish(followed: Iterable<RedisPartition>): Promise<void> {
    if (this.#keeper === null || performance.now() - this.#publishedAt < this.#publishMs) return
    this.#publishedAt = performance.now()
    const calls = [...followed].flatMap((partition) => {
      const top = this.answer(partition)
      return top === null ? [] : [publishCall(this.#keys, top)]
    })
    if (calls.length > 0) await this.#link.send(calls, 'publishing the top lists')
  }

  forget(partition: number): void {
    this.#keeper?.forget(partition)
  }

  async close(): Promise<void> {
    await this.#keeper?.close()
  }
}

/**
 * The snapshot store on Redis: one hash a customer, that any client reads with HGETALL.
 *
 * Owns what callers see, and that they never wait for a Redis that is away: what waits is bounded
 * in bytes, and beyond that it is forgotten, and put again from the outputs when Redis is back.
 * While rows are missing, no proof says that the partition is caught up.
 */
import assert from 'node:assert/strict'
import type { RedisKeys } from './redis-keys.js'
import type { RedisLink } from './redis-link.js'
import { type RedisSettings, type RedisStoreOptions, settingsOf } from './redis-options.js'
import { RedisReader } from './redis-reader.js'
import { RedisWriter } from './redis-writer.js'
import type {
  PartitionProof,
  Snapshot,
  SnapshotCursor,
  SnapshotPut,
  SnapshotStore,
} from './snapshots.js'
import type { PartitionTop } from './top-lists.js'

export interface RedisStatus {
  /** The code of what keeps writes from Redis now; null: nothing. */
  readonly failure: string | null
  readonly waitingRows: number
  readonly waitingBytes: number
  /** Partitions whose outputs are put again, or have to be. */
  readonly behind: readonly number[]
}

export class RedisSnapshots implements SnapshotStore {
  readonly #settings: RedisSettings
  readonly #reader: RedisReader
  readonly #writer: RedisWriter
  #closed = false

  constructor(link: RedisLink, keys: RedisKeys, options: RedisStoreOptions) {
    this.#settings = settingsOf(options)
    this.#reader = new RedisReader(link, keys)
    this.#writer = new RedisWriter(link, keys, this.#settings)
  }

  /** For metrics and readiness. */
  status(): RedisStatus {
    const { health, rows, partitions } = this.#writer
    return {
      failure: health.failure?.code ?? null,
      waitingRows: rows.count,
      waitingBytes: rows.bytes,
      behind: [...partitions.values()].filter((one) => one.behind).map((one) => one.partition),
    }
  }

  async get(customer: string): Promise<Snapshot | null> {
    const [snapshot] = await this.getMany([customer])
    return snapshot
  }

  /** Throws `REDIS_UNAVAILABLE` and its like, but not for rows that wait here. */
  getMany(customers: readonly string[]): Promise<(Snapshot | null)[]> {
    return this.#reader.getMany(customers, this.#writer.rows)
  }

  /** Throws as `getMany` does. */
  history(customer: string): Promise<readonly Uint8Array[]> {
    return this.#reader.history(customer, this.#writer.rows)
  }

  /** Of what Redis acknowledged. */
  top(partition: number): PartitionTop | null {
    return this.#writer.top(partition)
  }

  scan(): AsyncIterable<readonly Snapshot[]> {
    return this.#reader.scan()
  }

  /** Awaits only while more waits than may, for a Redis that is there. */
  put(
    puts: readonly SnapshotPut[],
    proof: PartitionProof,
    cursor: SnapshotCursor,
  ): Promise<void> | void {
    assert(!this.#closed, 'nothing is put into closed snapshots')
    const writer = this.#writer
    const partition = writer.of(proof.partition)
    if (partition.keepsRows) writer.add(puts, proof, proof.commit > partition.highest)
    partition.advance(proof, cursor)
    writer.kick()
    if (writer.isFull) return this.#fullPut()
  }

  /** Of this process: what is published is behind it by what waits. */
  proof(partition: number): PartitionProof | null {
    // Who only asks makes nothing: a partition of another process is not ours to look after.
    return this.#writer.partitions.get(partition)?.proof ?? null
  }

  /**
   * Where Redis does not answer in time, null, for nothing is known; the rows that are missing are
   * then put from Redis' own cursor when it is back.
   */
  async cursor(number: number): Promise<SnapshotCursor | null> {
    const writer = this.#writer
    const partition = writer.of(number)
    if (partition.life === null) {
      writer.check()
      await writer.health.within(() => partition.life !== null || writer.stopped)
    }
    if (partition.life === null) partition.missing()
    return partition.durable
  }

  /** From its cursor when it is opened on, or from the beginning. */
  catchUp(number: number, rows: number): boolean {
    if (rows <= this.#settings.followedRowsMax) return false
    this.#settings.note(
      `Redis lacks ${rows} rows of partition ${number}: they are put beside commits`,
    )
    this.#writer.of(number).missing()
    this.#writer.kick()
    return true
  }

  /**
   * Gives up, and says so, where Redis is away too long: the cursor tells what it has, and whoever
   * opens it next lets it catch up.
   */
  async flush(): Promise<void> {
    const writer = this.#writer
    const due = writer.nextWrite()
    if (await writer.health.within(() => writer.stopped || writer.written >= due)) return
    this.#settings.note(`${writer.rows.count} snapshots wait for Redis: it catches up later`)
  }

  release(partition: number): void {
    this.#writer.release(partition)
  }

  async close(): Promise<void> {
    if (this.#closed) return
    // Who has waited for a server that is away once, as a stop has by now, need not do it again.
    if (this.#writer.health.failure === null) await this.flush()
    this.#closed = true
    await this.#writer.stop()
  }

  async #fullPut(): Promise<void> {
    const writer = this.#writer
    while (writer.isFull && !writer.stopped) {
      if (writer.health.failure !== null) {
        // A partition that was released meanwhile is caught up by whoever follows it now.
        for (const number of writer.rows.drop()) writer.partitions.get(number)?.missing()
        this.#settings.note('too much waits for Redis: it is put again from the outputs later')
        return
      }
      await writer.health.change()
    }
  }
}

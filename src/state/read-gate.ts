/**
 * Keeps every read of a LevelDB shorter than two writes of it, without which LevelDB 1.20 (the one
 * in classic-level 3) may lose a write that it has taken.
 *
 * The fault (google/leveldb#320, mended in 1.21): where a compaction keeps two versions of a key
 * and a table ends between them, a later compaction may move the newer version below the older one.
 * From then on `get` answers the older; and once the newer was a deletion, it may be dropped for
 * good, and every read sees the older version again.
 *
 * A compaction keeps two versions only for a read older than the newer one: each read holds a
 * snapshot while it lasts. A version reaches a compaction only when the next write has begun, for it
 * is that write which moves on from a full buffer. So if no write begins before the reads from
 * before the end of the last write have ended, no compaction ever keeps two versions of a key.
 */
export class ReadGate {
  /** Reads under way that began before the last write had ended. */
  #old: Promise<unknown>[] = []
  /** Reads that began since. */
  readonly #young = new Set<Promise<unknown>>()

  /** A read, whose snapshots and iterators have to be closed when its promise settles. */
  async read<T>(run: () => Promise<T>): Promise<T> {
    const reading = run()
    this.#young.add(reading)
    try {
      return await reading
    } finally {
      this.#young.delete(reading)
    }
  }

  /** A write, as soon as it may begin. One at a time. */
  async write<T>(run: () => Promise<T>): Promise<T> {
    if (this.#old.length > 0) await Promise.allSettled(this.#old)
    try {
      return await run()
    } finally {
      this.#old = [...this.#young]
    }
  }
}

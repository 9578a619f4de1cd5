/**
 * The snapshot store over any `Store`: newest rows in memory first, written together now and then.
 *
 * Owns what waits for the disk, when it is written, and how far each partition has come. Does not
 * own durability (the store's) nor reading outputs to catch up (the topology's).
 *
 * P1 A flush is one write: rows, and the cursors that they complete (N3).
 * P2 A row is served from memory until the write that holds it is durable.
 * P3 Versions only grow: a commit above all that were put needs no look at the stored row; any
 *    other is compared, customer by customer (N1, N2).
 * P4 A damaged value reads as absent. That it was met is written down, and the next opening sets
 *    the store aside: all of it comes back from the outputs.
 * P5 A write that failed leaves its rows in memory. Whoever puts or flushes next, and a timer, open
 *    the store again and go on, or fail with what the world says then.
 */
import { ioError } from '../errors.js'
import type { StoreHome } from '../state/store.js'
import { KnownFacts } from './known-facts.js'
import { ReopenedStore } from './reopened-store.js'
import { SnapshotBuffer } from './snapshot-buffer.js'
import { SnapshotProgress } from './snapshot-progress.js'
import { snapshotOf, type SnapshotRow } from './snapshot-row.js'
import { changesAt, type HistoryOptions, keptChanges } from './stored-changes.js'
import { isDamage, StoredRows } from './stored-rows.js'
import type {
  PartitionProof,
  Snapshot,
  SnapshotCursor,
  SnapshotPut,
  SnapshotStore,
} from './snapshots.js'
import { storedTop } from './stored-top.js'
import type { TopKeeper } from './top-keeper.js'
import type { PartitionTop } from './top-lists.js'

export interface StoredSnapshotsOptions {
  /** Longest that a row waits for the disk, in ms of wall time. @default 2000 */
  readonly flushEveryMs?: number
  /** Bytes that wait before a flush begins early; twice as many hold up `put`. @default 32 MiB */
  readonly flushBytesMax?: number
  /** Runs something once, after `ms`. @default a timer that keeps no process alive */
  readonly schedule?: (run: () => void, ms: number) => void
  /** Without it no history is kept, and no top lists. */
  readonly history?: HistoryOptions
  /** Between two scans of all rows for top lists that became short, in ms. @default 60000 */
  readonly topEveryMs?: number
  /** Told once, of the first damage that was met. */
  readonly onDamage?: (text: string) => void
  /** The newest commit of a partition in the log: rows of later ones are of a log that is no more. */
  readonly committed?: (partition: number) => Promise<number>
}

export class StoredSnapshots implements SnapshotStore {
  readonly #store: ReopenedStore
  readonly #stored: StoredRows
  readonly #progress: SnapshotProgress
  readonly #options: StoredSnapshotsOptions
  readonly #flushBytesMax: number
  readonly #buffer: SnapshotBuffer
  readonly #top: TopKeeper | null
  /** Something changed since the last flush, be it only a cursor. */
  #dirty = false
  #scheduled = false
  #closed = false
  /** Flushes and comparisons with stored rows, one at a time. */
  #turn: Promise<void> = Promise.resolve()

  private constructor(
    store: ReopenedStore,
    progress: SnapshotProgress,
    options: StoredSnapshotsOptions,
  ) {
    this.#store = store
    this.#stored = new StoredRows(store, (text) => this.#break(text))
    this.#progress = progress
    this.#options = options
    this.#flushBytesMax = options.flushBytesMax ?? 32 * 1024 * 1024
    const format = options.history?.changes ?? null
    const facts = new KnownFacts(this.#stored)
    this.#buffer = new SnapshotBuffer(format && { format, facts })
    this.#top = format && storedTop(this.#stored, format, facts, options.topEveryMs)
    this.#top?.make()
  }

  /**
   * Opens the store that `home` has as number 0. One that is damaged, or ahead of the log, is set
   * aside, said through `onDamage`, and begins anew: its null cursors ask for the outputs.
   */
  static async open(
    home: StoreHome,
    options: StoredSnapshotsOptions = {},
  ): Promise<StoredSnapshots> {
    try {
      return await StoredSnapshots.#open(home, options)
    } catch (error) {
      if (!isDamage(error)) throw error
      const aside = await home.setAside(0, error.message)
      options.onDamage?.(`${error.message}; set aside as ${aside}`)
      return StoredSnapshots.#open(home, options)
    }
  }

  static async #open(home: StoreHome, options: StoredSnapshotsOptions): Promise<StoredSnapshots> {
    const store = await home.open(0)
    const position = await store.position()
    const progress = SnapshotProgress.decode(position)
    const fault = await progress.fault(options.committed)
    if (fault !== null) {
      await store.close()
      throw ioError('STORE_DAMAGED', `snapshot store: ${fault}`)
    }
    return new StoredSnapshots(new ReopenedStore(home, store, position), progress, options)
  }

  /** Whether a damaged value was met: some customers may read as absent until it is opened again. */
  get damaged(): boolean {
    return this.#progress.damaged
  }

  async get(customer: string): Promise<Snapshot | null> {
    const [snapshot] = await this.getMany([customer])
    return snapshot!
  }

  async getMany(customers: readonly string[]): Promise<(Snapshot | null)[]> {
    const rows = await this.#rows(customers)
    return customers.map((customer, index) => snapshotOf(customer, rows[index]))
  }

  async history(customer: string, most = keptChanges): Promise<readonly Uint8Array[]> {
    const { history } = this.#options
    const [row] = await this.#rows([customer])
    if (history === undefined || row === null || row.features === null) return []
    const { places, whole } = this.#buffer.placesOf(customer)
    if (!whole) places.push(...(await this.#stored.places(customer)))
    return changesAt(history, row.partition, customer, places, most)
  }

  scan(): AsyncIterable<readonly Snapshot[]> {
    return this.#stored.scan()
  }

  /** Of what is on the disk. */
  top(partition: number): PartitionTop | null {
    const proof = this.proof(partition)
    if (proof !== null) this.#top?.advance(partition, proof.asOf)
    return this.#top?.answer(partition) ?? null
  }

  /**
   * The rows' bytes belong to the store from now on. Awaits only when it has to compare with what
   * is stored, or when too much waits for the disk.
   */
  put(
    puts: readonly SnapshotPut[],
    proof: PartitionProof,
    cursor: SnapshotCursor,
  ): Promise<void> | void {
    if (this.#store.hasFailed) return this.#mendAndPut(puts, proof, cursor)
    if (proof.commit <= this.#progress.of(proof.partition).highest && puts.length > 0) {
      return this.#inTurn(() => this.#compareAndApply(puts, proof, cursor))
    }
    puts.forEach((put, index) => this.#apply(put, proof, cursor, puts.length - index))
    this.#applied(proof, cursor)
    if (this.#buffer.bytes >= this.#flushBytesMax * 2) return this.flush()
  }

  proof(partition: number): PartitionProof | null {
    return this.#progress.of(partition).proof
  }

  async cursor(partition: number): Promise<SnapshotCursor | null> {
    return this.#progress.of(partition).durable
  }

  async flush(): Promise<void> {
    await this.#inTurn(async () => {
      try {
        await this.#mend()
        await this.#flush()
      } catch (error) {
        if (this.#store.hasFailed && this.#store.mayPass) this.#plan(this.#flushEveryMs)
        throw error
      }
    })
  }

  async close(): Promise<void> {
    this.#closed = true
    try {
      // What a failed write left in memory comes back from the outputs.
      if (!this.#store.hasFailed) await this.flush()
    } finally {
      await this.#top?.close()
      await this.#inTurn(() => this.#store.close())
    }
  }

  /** `before`: how many records before the cursor its own stands. */
  #apply(put: SnapshotPut, proof: PartitionProof, cursor: SnapshotCursor, before: number): void {
    const { featuresOffset, scoresOffset } = cursor
    this.#buffer.set(put, proof, featuresOffset - before, scoresOffset - before)
  }

  #applied(proof: PartitionProof, cursor: SnapshotCursor): void {
    this.#progress.advance(proof, cursor)
    this.#dirty = true
    const full = this.#buffer.bytes >= this.#flushBytesMax
    this.#plan(full ? 0 : this.#flushEveryMs)
  }

  async #compareAndApply(
    puts: readonly SnapshotPut[],
    proof: PartitionProof,
    cursor: SnapshotCursor,
  ): Promise<void> {
    const stored = await this.#rows(puts.map((put) => put.customer))
    puts.forEach((put, index) => {
      // What came in while the stored row was read is in memory, and newer.
      const row = this.#buffer.get(put.customer) ?? stored[index]
      if (row === null || row === undefined || row.version < proof.commit) {
        this.#apply(put, proof, cursor, puts.length - index)
      }
    })
    this.#applied(proof, cursor)
  }

  async #rows(customers: readonly string[]): Promise<(SnapshotRow | null)[]> {
    const rows = customers.map((customer) => this.#buffer.get(customer) ?? null)
    const missing = customers.filter((_, index) => rows[index] === null)
    if (missing.length === 0) return rows
    const read = await this.#stored.rows(missing)
    let next = 0
    return rows.map((row) => row ?? read[next++]!)
  }

  /** P4. Written down at once. */
  #break(text: string): void {
    if (this.#progress.damaged) return
    this.#progress.condemn()
    this.#dirty = true
    this.#plan(0)
    this.#options.onDamage?.(text)
  }

  #plan(ms: number): void {
    if (this.#scheduled && ms > 0) return
    this.#scheduled = true
    const schedule = this.#options.schedule ?? unreferenced
    schedule(() => {
      this.#scheduled = false
      if (this.#closed) return
      // Whoever puts or flushes next hears of a failure that has not passed by then.
      this.flush().catch(() => {})
    }, ms)
  }

  get #flushEveryMs(): number {
    return this.#options.flushEveryMs ?? 2000
  }

  async #mendAndPut(...put: Parameters<SnapshotStore['put']>): Promise<void> {
    await this.#inTurn(() => this.#mend())
    await this.put(...put)
  }

  /** P5. In turn, so that no write is under way. */
  async #mend(): Promise<void> {
    if (!this.#store.hasFailed) return
    if (this.#closed) throw ioError('STORE_CLOSED', 'the snapshot store has been closed')
    await this.#store.mend()
  }

  async #flush(): Promise<void> {
    if (!this.#dirty) return
    this.#dirty = false
    // The cursors of this moment: what is put from here on is not in this flush.
    const position = this.#progress.encode()
    try {
      await this.#store.write(await this.#buffer.take(), position)
    } catch (error) {
      this.#buffer.failed()
      this.#dirty = true
      throw error
    }
    this.#progress.confirm(position)
    this.#buffer.written(this.#top)
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    const done = this.#turn.then(work)
    this.#turn = done.catch(() => {})
    return done
  }
}

function unreferenced(run: () => void, ms: number): void {
  setTimeout(run, ms).unref()
}

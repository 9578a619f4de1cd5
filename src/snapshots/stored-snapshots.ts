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
 */
import { TidemarkError, ioError } from '../errors.js'
import { unsealed } from '../state/checksum.js'
import type { Store, StoreChange, StoreHome } from '../state/store.js'
import { SnapshotProgress } from './snapshot-progress.js'
import {
  decodeSnapshotRow,
  rowBytes,
  sealedSnapshotRow,
  snapshotOf,
  type SnapshotRow,
} from './snapshot-row.js'
import type {
  PartitionProof,
  Snapshot,
  SnapshotCursor,
  SnapshotPut,
  SnapshotStore,
} from './snapshots.js'

export interface StoredSnapshotsOptions {
  /** Longest that a row waits for the disk, in ms of wall time. @default 2000 */
  readonly flushEveryMs?: number
  /** Bytes that wait before a flush begins early; twice as many hold up `put`. @default 32 MiB */
  readonly flushBytesMax?: number
  /** Runs something once, after `ms`. @default a timer that keeps no process alive */
  readonly schedule?: (run: () => void, ms: number) => void
  /** Told once, of the first damage that was met. */
  readonly onDamage?: (text: string) => void
  /** The newest commit of a partition in the log: rows of later ones are of a log that is no more. */
  readonly committed?: (partition: number) => Promise<number>
}

type Rows = Map<string, SnapshotRow>

/** Rows encoded before the event loop gets its turn. */
const SLICE_ROWS = 1024

export class StoredSnapshots implements SnapshotStore {
  readonly #store: Store
  readonly #progress: SnapshotProgress
  readonly #options: StoredSnapshotsOptions
  readonly #flushBytesMax: number
  #waiting: Rows = new Map()
  #waitingBytes = 0
  #flushing: Rows = new Map()
  /** Something changed since the last flush, be it only a cursor. */
  #dirty = false
  #scheduled = false
  #failure: Error | null = null
  /** Flushes and comparisons with stored rows, one at a time. */
  #turn: Promise<void> = Promise.resolve()

  private constructor(store: Store, progress: SnapshotProgress, options: StoredSnapshotsOptions) {
    this.#store = store
    this.#progress = progress
    this.#options = options
    this.#flushBytesMax = options.flushBytesMax ?? 32 * 1024 * 1024
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
    const progress = SnapshotProgress.decode(await store.position())
    const fault = await progress.fault(options.committed)
    if (fault !== null) {
      await store.close()
      throw ioError('STORE_DAMAGED', `snapshot store: ${fault}`)
    }
    return new StoredSnapshots(store, progress, options)
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

  /**
   * The rows' bytes belong to the store from now on. Awaits only when it has to compare with what
   * is stored, or when too much waits for the disk.
   */
  put(
    puts: readonly SnapshotPut[],
    proof: PartitionProof,
    cursor: SnapshotCursor,
  ): Promise<void> | void {
    if (this.#failure !== null) throw this.#failure
    if (proof.commit <= this.#progress.of(proof.partition).highest && puts.length > 0) {
      return this.#inTurn(() => this.#compareAndApply(puts, proof, cursor))
    }
    for (const put of puts) this.#apply(put, proof)
    this.#applied(proof, cursor)
    if (this.#waitingBytes >= this.#flushBytesMax * 2) return this.flush()
  }

  proof(partition: number): PartitionProof | null {
    return this.#progress.of(partition).proof
  }

  async cursor(partition: number): Promise<SnapshotCursor | null> {
    return this.#progress.of(partition).durable
  }

  async flush(): Promise<void> {
    await this.#inTurn(() => this.#flush())
  }

  async close(): Promise<void> {
    try {
      if (this.#failure === null) await this.flush()
    } finally {
      await this.#store.close()
    }
  }

  #apply({ customer, features, score }: SnapshotPut, { partition, commit }: PartitionProof): void {
    const row: SnapshotRow = { partition, version: commit, features, score }
    const before = this.#waiting.get(customer)
    if (before !== undefined) this.#waitingBytes -= rowBytes(customer, before)
    this.#waitingBytes += rowBytes(customer, row)
    this.#waiting.set(customer, row)
  }

  #applied(proof: PartitionProof, cursor: SnapshotCursor): void {
    this.#progress.advance(proof, cursor)
    this.#dirty = true
    const full = this.#waitingBytes >= this.#flushBytesMax
    this.#plan(full ? 0 : (this.#options.flushEveryMs ?? 2000))
  }

  async #compareAndApply(
    puts: readonly SnapshotPut[],
    proof: PartitionProof,
    cursor: SnapshotCursor,
  ): Promise<void> {
    const stored = await this.#rows(puts.map((put) => put.customer))
    puts.forEach((put, index) => {
      // What came in while the stored row was read is in memory, and newer.
      const row = this.#inMemory(put.customer) ?? stored[index]
      if (row === null || row === undefined || row.version < proof.commit) this.#apply(put, proof)
    })
    this.#applied(proof, cursor)
  }

  #inMemory(customer: string): SnapshotRow | undefined {
    return this.#waiting.get(customer) ?? this.#flushing.get(customer)
  }

  async #rows(customers: readonly string[]): Promise<(SnapshotRow | null)[]> {
    const rows = customers.map((customer) => this.#inMemory(customer) ?? null)
    const missing = customers.filter((_, index) => rows[index] === null)
    if (missing.length === 0) return rows
    const read = await this.#read(missing)
    let next = 0
    return rows.map((row) => row ?? read[next++]!)
  }

  async #read(customers: readonly string[]): Promise<(SnapshotRow | null)[]> {
    const keys = customers.map((customer) => Buffer.from(customer))
    try {
      const values = await this.#store.getMany(keys)
      return values.map((value, index) => {
        if (value === undefined) return null
        const payload = unsealed(keys[index], value)
        if (payload !== null) return decodeSnapshotRow(payload)
        this.#break(`the snapshot of customer ${JSON.stringify(customers[index])} is damaged`)
        return null
      })
    } catch (error) {
      if (!isDamage(error)) throw error
      this.#break(error.message)
      return customers.map(() => null)
    }
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
      // The failure is kept, and thrown by the next who puts or flushes.
      this.flush().catch(() => {})
    }, ms)
  }

  async #flush(): Promise<void> {
    if (this.#failure !== null) throw this.#failure
    if (!this.#dirty) return
    this.#flushing = this.#waiting
    this.#waiting = new Map()
    this.#waitingBytes = 0
    this.#dirty = false
    // The cursors of this moment: what is put from here on is not in this flush.
    const position = this.#progress.encode()
    try {
      const changes = await encoded(this.#flushing)
      await this.#store.write(changes, position)
    } catch (error) {
      this.#failure = final(error)
      throw this.#failure
    }
    this.#flushing = new Map()
    this.#progress.confirm(position)
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    const done = this.#turn.then(work)
    this.#turn = done.catch(() => {})
    return done
  }
}

function isDamage(error: unknown): error is TidemarkError {
  return error instanceof TidemarkError && error.code === 'STORE_DAMAGED'
}

/** This store is opened once a process: whoever tries again would meet the same failure. */
function final(error: unknown): Error {
  if (!(error instanceof TidemarkError)) return error as Error
  const { code, message, exit } = error
  return new TidemarkError(code, message, { exit, retry: 'never', cause: error })
}

async function encoded(rows: Rows): Promise<StoreChange[]> {
  const changes: StoreChange[] = []
  for (const [customer, row] of rows) {
    const key = Buffer.from(customer)
    changes.push({ key, value: sealedSnapshotRow(key, row) })
    if (changes.length % SLICE_ROWS === 0) await new Promise(setImmediate)
  }
  return changes
}

function unreferenced(run: () => void, ms: number): void {
  setTimeout(run, ms).unref()
}

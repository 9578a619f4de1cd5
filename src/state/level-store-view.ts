/**
 * A store as one write left it, whatever is written meanwhile.
 *
 * It reads the open database under a snapshot until the store is about to be written to, and a copy
 * of the database from then on: LevelDB 1.20 must not be written to under a snapshot, see
 * `read-gate.ts`. Where nothing is written, there is no copy.
 */
import { readdir, rm } from 'node:fs/promises'
import { exitCode, ioError, TidemarkError } from '../errors.js'
import { unsealed } from './checksum.js'
import { copyDatabase } from './level-copy.js'
import { NO_HEAD, chainFault, decodeHead, linkRows, type Head } from './level-store-chain.js'
import { levelFailure, openDb, pointOf, reading, storeDamaged } from './level-store-db.js'
import type { Db, DbOwner } from './level-store-db.js'
import { tablesFault } from './level-store-tables.js'
import type { StoreView } from './store.js'

/** Keys of our own sort before and behind the overlay's, which all begin with this byte. */
const VALUE_TAG = 0x56
export const HEAD_KEY = Buffer.from('H')

const SCAN_KEYS = 2048
const SCAN_BYTES = 1024 * 1024

type Snapshot = ReturnType<Db['snapshot']>
type Rows = readonly (readonly [key: Buffer, value: Buffer])[]

export class LevelStoreView implements StoreView {
  head: Head = NO_HEAD
  position: Uint8Array | null = null
  readonly #db: Db
  #snapshot: Snapshot | null
  #copy: { readonly directory: string; db: Db | null } | null = null
  #failure: Error | null = null
  #turn: Promise<unknown> = Promise.resolve()

  /** The store must not be being written to. */
  constructor(
    db: Db,
    private readonly owner: DbOwner,
    private readonly forget: (view: LevelStoreView) => void = () => undefined,
  ) {
    this.#db = db
    this.#snapshot = db.snapshot()
  }

  /** To be called first. @throws TidemarkError STORE_DAMAGED */
  async open(): Promise<this> {
    try {
      const bytes = await this.#read((db, snapshot) => pointOf(db, HEAD_KEY, snapshot))
      if (bytes === null) return this
      const payload = unsealed(HEAD_KEY, bytes)
      if (payload === null) throw storeDamaged(`${this.owner.name}: its position has a broken seal`)
      const { head, rest } = decodeHead(Buffer.from(payload))
      this.head = head
      this.position = rest
      return this
    } catch (error) {
      await this.close()
      throw error
    }
  }

  async *scan(): AsyncIterable<readonly (readonly [Uint8Array, Uint8Array])[]> {
    let behind: { gte: Buffer } | { gt: Buffer } = { gte: Buffer.from([VALUE_TAG]) }
    for (;;) {
      const portion = await this.#portion(behind)
      const last = portion.at(-1)
      if (last === undefined) return
      behind = { gt: last[0] }
      yield portion.map(([key, value]) => [key.subarray(1), value] as const)
    }
  }

  async *check(): AsyncIterable<void> {
    const checked = new Set<string>()
    for (;;) {
      const names = (await readdir(this.#location)).filter((name) => !checked.has(name))
      if (names.length === 0) break
      for (const name of names) {
        checked.add(name)
        const fault = await tablesFault(this.#location, [name])
        if (fault !== null) throw storeDamaged(`${this.owner.name}: ${fault}`)
        yield
      }
    }
    await this.checkChain()
    yield
  }

  /** That the links of all writes are there (V2). @throws TidemarkError STORE_DAMAGED */
  async checkChain(): Promise<void> {
    const links = await this.#read((db, snapshot) => {
      return db.iterator({ ...linkRows(), ...snapshot }).all()
    })
    const fault = chainFault(this.head, links)
    if (fault !== null) throw storeDamaged(`${this.owner.name}: ${fault}`)
  }

  /**
   * Lets go of the open database, as it is about to be written to for the first time since the view
   * was taken. What goes wrong is told to whoever reads on.
   */
  detach(directory: string): Promise<void> {
    return this.#inTurn(async () => {
      const snapshot = this.#snapshot
      if (snapshot === null) return
      this.#snapshot = null
      this.#copy = { directory, db: null }
      try {
        await snapshot.close()
        await copyDatabase(this.#db.location, directory)
      } catch (cause) {
        this.#failure = copyFailure(this.owner, cause)
      }
    })
  }

  async close(): Promise<void> {
    await this.#inTurn(async () => {
      this.#failure ??= ioError('STORE_CLOSED', `${this.owner.name}: the view has been closed`)
      await this.#snapshot?.close()
      this.#snapshot = null
      await this.#copy?.db?.close()
      if (this.#copy !== null) await rm(this.#copy.directory, { recursive: true, force: true })
      this.#copy = null
    })
    this.forget(this)
  }

  #portion(behind: { gte: Buffer } | { gt: Buffer }): Promise<Rows> {
    return this.#read(async (db, snapshot) => {
      const rows = db.iterator({
        ...behind,
        lt: Buffer.from([VALUE_TAG + 1]),
        highWaterMarkBytes: SCAN_BYTES,
        ...snapshot,
      })
      try {
        return await rows.nextv(SCAN_KEYS)
      } finally {
        await rows.close()
      }
    })
  }

  #read<T>(read: (db: Db, at: { snapshot?: Snapshot }) => Promise<T>): Promise<T> {
    return this.#inTurn(async () => {
      const db = await this.#source()
      const at = this.#snapshot === null ? {} : { snapshot: this.#snapshot }
      return reading(this.owner, () => read(db, at))
    })
  }

  async #source(): Promise<Db> {
    if (this.#failure !== null) throw this.#failure
    const copy = this.#copy
    if (copy === null) return this.#db
    try {
      copy.db ??= await openDb(copy.directory, { ...this.owner, checksTables: false })
    } catch (cause) {
      this.#failure = copyFailure(this.owner, cause)
      throw this.#failure
    }
    return copy.db
  }

  get #location(): string {
    return this.#copy?.directory ?? this.#db.location
  }

  /** One step at a time: the database is not exchanged in the middle of a read. */
  #inTurn<T>(run: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(run)
    this.#turn = result.catch(() => undefined)
    return result
  }
}

/** Not damage: the store goes on, and another view may succeed. */
function copyFailure(owner: DbOwner, cause: unknown): TidemarkError {
  const name = `${owner.name}: a copy of it to be read`
  const damaged = (text: string): TidemarkError =>
    new TidemarkError('STORE_IO_FAILED', text, { exit: exitCode.io, retry: 'later', cause })
  return levelFailure({ name, damaged, failedCode: 'STORE_IO_FAILED' }, cause)
}

/** Keys are copied behind the tag, so that no key of the overlay can be one of ours. */
export function valueKey(key: Uint8Array): Buffer {
  const tagged = Buffer.allocUnsafe(key.length + 1)
  tagged[0] = VALUE_TAG
  tagged.set(key, 1)
  return tagged
}

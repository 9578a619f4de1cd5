/**
 * The store of one partition on LevelDB.
 *
 * Owns atomic writes, their chain and the position. Does not own what values mean: their seals and
 * the digest over all of them are the overlay's. Where a directory lives, and what becomes of a
 * damaged one, is in `level-store-home.ts`.
 *
 * V1 A write is one synced batch: changes, link of the chain, head with the position.
 * V2 The chain is whole and its head is the position's, or the store does not open.
 * V3 After a failed write nothing is written until the store is opened again.
 * V4 Nothing is written under a snapshot of what was before the last write (`read-gate.ts`).
 */
import { failpoint, failpointSoon } from '../failpoint.js'
import { sealOf, sealed } from './checksum.js'
import { copyPath } from './level-copy.js'
import { ContentFold, encodeHead, nextLink, type Head } from './level-store-chain.js'
import { reading, writeFailure, type Db, type DbOwner } from './level-store-db.js'
import { HEAD_KEY, LevelStoreView, valueKey } from './level-store-view.js'
import { ReadGate } from './read-gate.js'
import type { Store, StoreChange, StoreView } from './store.js'

/** Changes put into a batch before the event loop gets its turn: about 2 ms. */
const SLICE_CHANGES = 1024

export interface StoreOwner extends DbOwner {
  /** Names of the failpoints before a write, inside its sync, and inside closing. */
  readonly points: { readonly before: string; readonly inside: string; readonly closing: string }
}

export class LevelStore implements Store {
  readonly #db: Db
  readonly #owner: StoreOwner
  readonly #gate = new ReadGate()
  readonly #views = new Set<LevelStoreView>()
  /** How many copies were made for views. */
  #copies = 0
  #head: Head
  #position: Uint8Array | null
  #writing: Promise<void> | null = null
  #failure: Error | null = null

  private constructor(db: Db, owner: StoreOwner, head: Head, position: Uint8Array | null) {
    this.#db = db
    this.#owner = owner
    this.#head = head
    this.#position = position
  }

  /**
   * The store in an open database.
   *
   * @throws TidemarkError STORE_DAMAGED
   */
  static async open(db: Db, owner: StoreOwner): Promise<LevelStore> {
    const view = await new LevelStoreView(db, owner).open()
    try {
      await view.checkChain()
      return new LevelStore(db, owner, view.head, view.position)
    } finally {
      await view.close()
    }
  }

  async position(): Promise<Uint8Array | null> {
    return this.#position
  }

  async getMany(keys: readonly Uint8Array[]): Promise<(Uint8Array | undefined)[]> {
    return this.#gate.read(() => {
      return reading(this.#owner, () => this.#db.getMany(keys.map(valueKey)))
    })
  }

  /** @throws TidemarkError STORE_WRITE_FAILED, DISK_FULL (74, 'later') */
  async write(changes: readonly StoreChange[], position: Uint8Array): Promise<void> {
    if (this.#failure) throw this.#failure
    if (this.#writing) throw new Error('one write at a time: the one before has not resolved')
    this.#writing = this.#write(changes, position)
    try {
      await this.#writing
    } finally {
      this.#writing = null
    }
  }

  async view(): Promise<StoreView> {
    while (this.#writing) await this.#writing.catch(() => undefined)
    return reading(this.#owner, async () => {
      const view = new LevelStoreView(this.#db, this.#owner, (closed) => this.#views.delete(closed))
      this.#views.add(view)
      return view.open()
    })
  }

  async close(): Promise<void> {
    await this.#writing?.catch(() => {})
    for (const view of this.#views) await view.close()
    const closing = this.#db.close()
    failpointSoon(this.#owner.points.closing)
    await closing
  }

  async #write(changes: readonly StoreChange[], position: Uint8Array): Promise<void> {
    for (const view of this.#views) await view.detach(copyPath(this.#db.location, ++this.#copies))
    failpoint(this.#owner.points.before)
    const batch = this.#db.batch()
    const fold = new ContentFold()
    for (const [index, { key, value }] of changes.entries()) {
      fold.add(key, value)
      if (value === null) batch.del(valueKey(key))
      else batch.put(valueKey(key), value as Buffer)
      // A large flush must not hold up the event loop; nothing is visible before the write.
      if (index % SLICE_CHANGES === SLICE_CHANGES - 1) await new Promise(setImmediate)
    }
    const link = nextLink(this.#head, fold.with(position))
    const headed = encodeHead(link.head, position)
    batch.put(link.key, link.value)
    if (link.expired) batch.del(link.expired)
    batch.put(HEAD_KEY, sealed(sealOf(HEAD_KEY, headed), headed))
    const writing = this.#gate.write(() => {
      const written = batch.write({ sync: true })
      failpointSoon(this.#owner.points.inside)
      return written
    })
    await writing.catch((cause: unknown) => {
      this.#failure = writeFailure(this.#owner.name, 'STORE_WRITE_FAILED', 'later', cause)
      throw this.#failure
    })
    this.#head = link.head
    this.#position = Buffer.from(position)
  }
}

/** A LevelDB snapshot of a store: what the newest write left, whatever is written meanwhile. */
import { readdir } from 'node:fs/promises'
import { unsealed } from './checksum.js'
import { NO_HEAD, chainFault, decodeHead, linkRows, type Head } from './level-store-chain.js'
import { reading, storeDamaged, type Db, type DbOwner } from './level-store-db.js'
import { tablesFault } from './level-store-tables.js'
import type { StoreView } from './store.js'

/** Keys of our own sort before and behind the overlay's, which all begin with this byte. */
const VALUE_TAG = 0x56
export const HEAD_KEY = Buffer.from('H')

const SCAN_KEYS = 2048
const SCAN_BYTES = 1024 * 1024

type Snapshot = ReturnType<Db['snapshot']>

export class LevelStoreView implements StoreView {
  private constructor(
    private readonly db: Db,
    private readonly owner: DbOwner,
    private readonly snapshot: Snapshot,
    readonly head: Head,
    readonly position: Uint8Array | null,
  ) {}

  /** @throws TidemarkError STORE_DAMAGED */
  static async open(db: Db, owner: DbOwner): Promise<LevelStoreView> {
    const snapshot = await reading(owner, async () => db.snapshot())
    try {
      const bytes = await reading(owner, () => db.get(HEAD_KEY, { snapshot }))
      if (bytes === undefined) return new LevelStoreView(db, owner, snapshot, NO_HEAD, null)
      const payload = unsealed(HEAD_KEY, bytes)
      if (payload === null) throw storeDamaged(`${owner.name}: its position has a broken seal`)
      const { head, rest } = decodeHead(Buffer.from(payload))
      return new LevelStoreView(db, owner, snapshot, head, rest)
    } catch (error) {
      await snapshot.close()
      throw error
    }
  }

  async *scan(): AsyncIterable<readonly (readonly [Uint8Array, Uint8Array])[]> {
    const rows = this.db.iterator({
      gte: Buffer.from([VALUE_TAG]),
      lt: Buffer.from([VALUE_TAG + 1]),
      highWaterMarkBytes: SCAN_BYTES,
      snapshot: this.snapshot,
    })
    try {
      for (;;) {
        const portion = await reading(this.owner, () => rows.nextv(SCAN_KEYS))
        if (portion.length === 0) return
        yield portion.map(([key, value]) => [key.subarray(1), value] as const)
      }
    } finally {
      await rows.close()
    }
  }

  async *check(): AsyncIterable<void> {
    for (const name of await readdir(this.db.location)) {
      const fault = await tablesFault(this.db.location, [name])
      if (fault !== null) throw storeDamaged(`${this.owner.name}: ${fault}`)
      yield
    }
    await this.checkChain()
    yield
  }

  /** That the links of all writes are there (V2). @throws TidemarkError STORE_DAMAGED */
  async checkChain(): Promise<void> {
    const { db, owner, snapshot } = this
    const links = await reading(owner, () => db.iterator({ ...linkRows(), snapshot }).all())
    const fault = chainFault(this.head, links)
    if (fault !== null) throw storeDamaged(`${owner.name}: ${fault}`)
  }

  close(): Promise<void> {
    return this.snapshot.close()
  }
}

/** Keys are copied behind the tag, so that no key of the overlay can be one of ours. */
export function valueKey(key: Uint8Array): Buffer {
  const tagged = Buffer.allocUnsafe(key.length + 1)
  tagged[0] = VALUE_TAG
  tagged.set(key, 1)
  return tagged
}

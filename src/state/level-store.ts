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
 */
import { ClassicLevel } from 'classic-level'
import { TidemarkError, configurationError, exitCode, ioError } from '../errors.js'
import { failpoint, failpointSoon } from '../failpoint.js'
import { sealOf, sealed, unsealed } from './checksum.js'
import {
  ContentFold,
  NO_HEAD,
  chainFault,
  decodeHead,
  encodeHead,
  linkRows,
  nextLink,
  type Head,
} from './level-store-chain.js'
import type { Store, StoreChange } from './store.js'

export type StoreDb = ClassicLevel<Buffer, Buffer>

/** Keys of our own sort before and behind the overlay's, which all begin with this byte. */
const VALUE_TAG = 0x56
const HEAD_KEY = Buffer.from('H')

const SCAN_KEYS = 2048
const SCAN_BYTES = 1024 * 1024

export class LevelStore implements Store {
  readonly #db: StoreDb
  readonly #name: string
  #head: Head
  #position: Uint8Array | null
  #writing: Promise<void> | null = null
  #failure: Error | null = null

  private constructor(db: StoreDb, name: string, head: Head, position: Uint8Array | null) {
    this.#db = db
    this.#name = name
    this.#head = head
    this.#position = position
  }

  /**
   * The store in an open database; `name` is for error texts.
   *
   * @throws TidemarkError STORE_DAMAGED
   */
  static async open(db: StoreDb, name: string): Promise<LevelStore> {
    const bytes = await reading(name, () => db.get(HEAD_KEY))
    const links = await reading(name, () => db.iterator(linkRows()).all())
    let head = NO_HEAD
    let position: Uint8Array | null = null
    if (bytes !== undefined) {
      const payload = unsealed(HEAD_KEY, bytes)
      if (payload === null) throw storeDamaged(name, 'its position has a broken seal')
      const decoded = decodeHead(Buffer.from(payload))
      head = decoded.head
      position = decoded.rest
    }
    const fault = chainFault(head, links)
    if (fault !== null) throw storeDamaged(name, fault)
    return new LevelStore(db, name, head, position)
  }

  async position(): Promise<Uint8Array | null> {
    return this.#position
  }

  async getMany(keys: readonly Uint8Array[]): Promise<(Uint8Array | undefined)[]> {
    return reading(this.#name, () => this.#db.getMany(keys.map(valueKey)))
  }

  /** @throws TidemarkError STORE_WRITE_FAILED (74, 'later') */
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

  async *scan(): AsyncIterable<readonly (readonly [Uint8Array, Uint8Array])[]> {
    const rows = this.#db.iterator({
      gte: Buffer.from([VALUE_TAG]),
      lt: Buffer.from([VALUE_TAG + 1]),
      highWaterMarkBytes: SCAN_BYTES,
    })
    try {
      for (;;) {
        const portion = await reading(this.#name, () => rows.nextv(SCAN_KEYS))
        if (portion.length === 0) return
        yield portion.map(([key, value]) => [key.subarray(1), value] as const)
      }
    } finally {
      await rows.close()
    }
  }

  async close(): Promise<void> {
    await this.#writing?.catch(() => {})
    await this.#db.close()
  }

  async #write(changes: readonly StoreChange[], position: Uint8Array): Promise<void> {
    failpoint('state.before-flush')
    const batch = this.#db.batch()
    const fold = new ContentFold()
    for (const { key, value } of changes) {
      fold.add(key, value)
      if (value === null) batch.del(valueKey(key))
      else batch.put(valueKey(key), value as Buffer)
    }
    const link = nextLink(this.#head, fold.with(position))
    const headed = encodeHead(link.head, position)
    batch.put(link.key, link.value)
    if (link.expired) batch.del(link.expired)
    batch.put(HEAD_KEY, sealed(sealOf(HEAD_KEY, headed), headed))
    const writing = batch.write({ sync: true })
    failpointSoon('state.in-flush')
    await writing.catch((cause: unknown) => {
      this.#failure = writeFailed(this.#name, changes.length, cause)
      throw this.#failure
    })
    this.#head = link.head
    this.#position = Buffer.from(position)
  }
}

/** Keys are copied behind the tag, so that no key of the overlay can be one of ours. */
function valueKey(key: Uint8Array): Buffer {
  const tagged = Buffer.allocUnsafe(key.length + 1)
  tagged[0] = VALUE_TAG
  tagged.set(key, 1)
  return tagged
}

export async function openStoreDb(directory: string, name: string): Promise<StoreDb> {
  const db: StoreDb = new ClassicLevel(directory, {
    keyEncoding: 'buffer',
    valueEncoding: 'buffer',
    writeBufferSize: 16 * 1024 * 1024,
  })
  try {
    await db.open()
    return db
  } catch (error) {
    const { cause } = error as { cause?: { code?: string } }
    if (cause?.code === 'LEVEL_LOCKED') {
      throw configurationError('DIRECTORY_LOCKED', `${name} is open in another process`, error)
    }
    throw levelFailed(name, cause ?? error)
  }
}

async function reading<T>(name: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read()
  } catch (error) {
    throw levelFailed(name, error)
  }
}

/** What the machine lacks is not damage: the same files will do when it has it again. */
const ENVIRONMENT = /No space left|Permission denied|Too many open files|Read-only|Cannot allocate/

function levelFailed(name: string, error: unknown): Error {
  const text = error instanceof Error ? error.message : String(error)
  if ((error as { code?: string }).code === 'LEVEL_DATABASE_NOT_OPEN') {
    return ioError('STORE_CLOSED', `${name} has been closed`, error)
  }
  if (!ENVIRONMENT.test(text)) return storeDamaged(name, text, error)
  return new TidemarkError('STORE_IO_FAILED', `${name}: ${text}`, {
    exit: exitCode.io,
    retry: 'later',
    cause: error,
  })
}

function writeFailed(name: string, count: number, cause: unknown): TidemarkError {
  return new TidemarkError(
    'STORE_WRITE_FAILED',
    `${name}: the disk refused a write of ${count} changes`,
    { exit: exitCode.io, retry: 'later', cause },
  )
}

/** The store cannot be believed; it works again after it was set aside. */
export function storeDamaged(name: string, what: string, cause?: unknown): TidemarkError {
  return new TidemarkError('STORE_DAMAGED', `${name}: ${what}`, {
    exit: exitCode.io,
    retry: 'now',
    cause,
  })
}

/**
 * The store in memory: the port's semantics without a disk, for tests and the simulation.
 *
 * It can crash: `MemoryStoreHome.crash()` leaves what was durable. `beforeDurable` lets a simulation
 * decide when a write becomes durable, and that it fails.
 */
import { TidemarkError, exitCode, ioError } from '../errors.js'
import type { Store, StoreChange, StoreHome, StoreView } from './store.js'

export interface MemoryStoreOptions {
  /** Awaited before a write becomes durable; a throw makes the write fail without effect. */
  readonly beforeDurable?: (partition: number) => Promise<void>
}

/** What survives a crash. Keys are text, a character a byte, so that text order is byte order. */
interface Disk {
  readonly values: Map<string, Uint8Array>
  position: Uint8Array | null
  damaged: boolean
}

const SCAN_PORTION = 256

export class MemoryStoreHome implements StoreHome {
  readonly #disks = new Map<number, Disk>()
  readonly #open = new Set<MemoryStore>()
  #setAside = 0

  constructor(readonly options: MemoryStoreOptions = {}) {}

  async open(partition: number): Promise<Store> {
    let disk = this.#disks.get(partition)
    if (disk === undefined) {
      disk = { values: new Map(), position: null, damaged: false }
      this.#disks.set(partition, disk)
    }
    if (disk.damaged) {
      throw new TidemarkError('STORE_DAMAGED', `store of partition ${partition} is damaged`, {
        exit: exitCode.io,
        retry: 'now',
      })
    }
    const store = new MemoryStore(disk, partition, this.options)
    this.#open.add(store)
    return store
  }

  async setAside(partition: number, _reason: string): Promise<string> {
    this.#disks.delete(partition)
    this.#setAside += 1
    return `${partition}.damaged-${this.#setAside}`
  }

  /** The end of this process: writes that are not durable yet will never be. */
  crash(): void {
    for (const store of this.#open) store.kill()
    this.#open.clear()
  }

  /** Makes the next `open` of the partition find damage. */
  damage(partition: number): void {
    const disk = this.#disks.get(partition)
    if (disk) disk.damaged = true
  }
}

class MemoryStore implements Store {
  #alive = true
  #writing = false

  constructor(
    readonly disk: Disk,
    readonly partition: number,
    readonly options: MemoryStoreOptions,
  ) {}

  async position(): Promise<Uint8Array | null> {
    this.#assertAlive('position')
    return this.disk.position
  }

  async getMany(keys: readonly Uint8Array[]): Promise<(Uint8Array | undefined)[]> {
    this.#assertAlive('getMany')
    return keys.map((key) => this.disk.values.get(nameOf(key)))
  }

  async write(changes: readonly StoreChange[], position: Uint8Array): Promise<void> {
    this.#assertAlive('write')
    if (this.#writing) throw new Error('one write at a time: the one before has not resolved')
    this.#writing = true
    try {
      await this.options.beforeDurable?.(this.partition)
      this.#assertAlive('write')
      for (const { key, value } of changes) {
        // Copied, as a disk does: the caller may use his buffers again.
        if (value === null) this.disk.values.delete(nameOf(key))
        else this.disk.values.set(nameOf(key), Buffer.from(value))
      }
      this.disk.position = Buffer.from(position)
    } finally {
      this.#writing = false
    }
  }

  async view(): Promise<StoreView> {
    this.#assertAlive('view')
    // Values are never changed in place, so a copy of the map is the store of this moment.
    const values = new Map(this.disk.values)
    const { position } = this.disk
    return { position, scan: () => scanned(values), check: nothingBelow, close: async () => {} }
  }

  async close(): Promise<void> {
    this.#alive = false
  }

  kill(): void {
    this.#alive = false
  }

  #assertAlive(step: string): void {
    if (this.#alive) return
    throw ioError('STORE_CLOSED', `${step}: store of partition ${this.partition} has been closed`)
  }
}

async function* scanned(
  values: ReadonlyMap<string, Uint8Array>,
): AsyncIterable<readonly (readonly [Uint8Array, Uint8Array])[]> {
  const names = [...values.keys()].sort()
  for (let at = 0; at < names.length; at += SCAN_PORTION) {
    const portion = names.slice(at, at + SCAN_PORTION)
    yield portion.map((name) => [Buffer.from(name, 'latin1'), values.get(name)!] as const)
  }
}

/** There are no files below the values of a map. */
async function* nothingBelow(): AsyncIterable<void> {}

function nameOf(key: Uint8Array): string {
  return Buffer.from(key.buffer, key.byteOffset, key.length).toString('latin1')
}

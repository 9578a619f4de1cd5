/**
 * The customers of one partition: hot objects over a store of sealed bytes.
 *
 * Owns which customers are in memory, what has changed since the last flush, the seals and the
 * running digest. Does not own when to flush or what the position says (`topology/flusher.ts`).
 *
 * O1 A flush holds the state at one commit border: `beginFlush` names it, and an entry that the
 *    next commit touches first is encoded before it changes (copy on write).
 * O2 Only what was flushed may be evicted, so the store never has to hold uncommitted state.
 * O3 The digest is the sum of the seals of all values of the store after the flush under way.
 *    Where each commit writes its changes to a changelog (`border`), it is that of the last border.
 * O4 Bytes from the store are believed only if their seal holds; anything else is damage.
 * O5 Whoever is only looked at, by his timer, does not push out those whom events touch: without
 *    room he is read, and forgotten with the commit.
 */
import { Arena } from './arena.js'
import { Digest, sealOf, sealed } from './checksum.js'
import type { StateCodec } from './codec.js'
import { Entry, entryBytes } from './entry.js'
import { FoundCells } from './found-cells.js'
import { LoggedChanges, type StateBorder } from './logged-changes.js'
import { stateKey } from './state-key.js'
import type { Store, StoreChange } from './store.js'
import {
  cellsIn,
  placeOfCell,
  removeCell,
  sealAt,
  setSeal,
  type StoredCells,
  withCell,
} from './stored-cells.js'

export interface OverlayOptions {
  /** Entries beyond this many bytes are evicted, unless they have to be flushed first. */
  readonly hotBytesMax: number
}

export class Overlay<S> {
  private readonly entries = new Map<string, Entry<S>>()
  /** States that were read for timers (O5); none of them is in `entries`. */
  private readonly passing = new Map<string, S>()
  private changed: Entry<S>[] = []
  private waiting: Entry<S>[] = []
  private flushed: Entry<S>[] = []
  private changes: StoreChange[] = []
  /** null until the first border. */
  private logged: LoggedChanges | null = null
  /** For what a flush or a border encodes, which goes together. */
  private readonly arena = new Arena()
  private readonly room = (bytes: number): Buffer => this.arena.take(bytes)
  private hand: Iterator<Entry<S>> | null = null
  private bytes = 0
  private changedBytes = 0
  digest = new Digest()
  /** Customers that have state, as of the flush under way. */
  customers = 0
  /** Customers that have state now, those included that no flush has seen yet. */
  present = 0

  constructor(
    private readonly store: Store,
    readonly codec: StateCodec<S>,
    private readonly options: OverlayOptions,
  ) {}

  get hotBytes(): number {
    return this.bytes
  }

  get hotCustomers(): number {
    return this.entries.size
  }

  /** The entry of a customer, or null where he must be fetched first. */
  entry(customer: string): Entry<S> | null {
    const entry = this.entries.get(customer)
    if (entry === undefined) return null
    entry.recent = true
    return entry
  }

  /** The state of a customer who is only looked at, or null where he must be fetched first. */
  look(customer: string): S | null {
    return this.entries.get(customer)?.state ?? this.passing.get(customer) ?? null
  }

  /** Forgets those who were only looked at. */
  forgetPassing(): void {
    this.passing.clear()
  }

  /** Announces that an entry's state is about to change; to be called before it does. */
  change(entry: Entry<S>): S {
    if (entry.flushing === 'waiting') this.encodeForFlush(entry)
    this.count(entry, true)
    if (!entry.changed) {
      entry.changed = true
      this.changed.push(entry)
      this.changedBytes += entry.weight
    }
    return entry.state
  }

  /** Erases a customer: all his cells go with the next flush. */
  erase(entry: Entry<S>): void {
    this.change(entry)
    entry.state = this.codec.create()
    entry.wiped = true
    this.count(entry, false)
  }

  get hasChanges(): boolean {
    return this.changed.length > 0 || this.logged?.isEmpty === false
  }

  /** About how many bytes the next flush would write. */
  get unflushedBytes(): number {
    return this.changedBytes + (this.logged?.bytes ?? 0)
  }

  /**
   * Encodes what has changed since the last border: what a commit writes to the changelog. Flushes
   * write nothing else from then on.
   */
  border(): StateBorder {
    this.logged ??= new LoggedChanges()
    const border = ++this.logged.border
    for (const entry of this.changed) {
      entry.changed = false
      entry.border = border
      this.encode(entry)
    }
    const { changes, digest, customers } = this
    this.changed = []
    this.changes = []
    this.changedBytes = 0
    const told = { changes, digest: digest.toString(), customers }
    this.logged.add(told)
    return told
  }

  /** Names the current state as that of the next flush (O1). One flush at a time. */
  beginFlush(): void {
    if (this.logged !== null) return this.logged.name()
    this.waiting = this.changed
    this.changed = []
    this.changedBytes = 0
    for (const entry of this.waiting) {
      entry.changed = false
      entry.flushing = 'waiting'
    }
  }

  /** Encodes up to `max` entries of the flush; false when none is left. */
  encodeSome(max: number): boolean {
    for (let i = 0; i < max; i++) {
      const entry = this.waiting.pop()
      if (entry === undefined) return false
      if (entry.flushing === 'waiting') this.encodeForFlush(entry)
    }
    return this.waiting.length > 0
  }

  /** Writes the flush; the digest and the number of customers go into the position. */
  async finishFlush(position: (digest: string, customers: number) => Uint8Array): Promise<void> {
    if (this.logged !== null) {
      return this.logged.flush((changes, { digest, customers }) =>
        this.store.write(changes, position(digest, customers)),
      )
    }
    while (this.encodeSome(1024));
    await this.store.write(this.changes, position(this.digest.toString(), this.customers))
    for (const entry of this.flushed) entry.flushing = 'no'
    this.flushed = []
    this.changes = []
  }

  /** Puts an entry read by a scan into memory, while there is room. */
  admit(customer: string, state: S, stored: StoredCells): void {
    if (this.hasRoom) this.insert(customer, state, stored)
  }

  private get hasRoom(): boolean {
    return this.bytes <= this.options.hotBytesMax
  }

  /** Evicts entries that were not used of late until the bound holds (a clock sweep). */
  evict(): void {
    let looked = 0
    const limit = this.entries.size * 2
    while (this.bytes > this.options.hotBytesMax && looked++ < limit) {
      this.hand ??= this.entries.values()
      const next = this.hand.next()
      if (next.done === true) {
        this.hand = null
        continue
      }
      const entry = next.value
      if (entry.changed || entry.flushing !== 'no') continue
      if (entry.border > (this.logged?.flushed ?? 0)) continue
      if (entry.recent) entry.recent = false
      else {
        this.entries.delete(entry.customer)
        this.bytes -= entry.weight
      }
    }
  }

  private insert(customer: string, state: S, stored: StoredCells): void {
    const entry = new Entry(customer, state)
    entry.stored = stored
    entry.counted = stored.length > 0
    entry.weight = entryBytes + this.codec.weigh(state)
    this.entries.set(customer, entry)
    this.passing.delete(customer)
    this.bytes += entry.weight
  }

  private encodeForFlush(entry: Entry<S>): void {
    entry.flushing = 'encoded'
    this.flushed.push(entry)
    this.encode(entry)
  }

  private encode(entry: Entry<S>): void {
    const customer = Buffer.from(entry.customer, 'utf8')
    const had = entry.stored.length > 0
    if (entry.wiped) {
      entry.wiped = false
      for (const cell of cellsIn(entry.stored)) this.put(entry, customer, cell, null)
    }
    this.codec.encode(entry.state, (cell, value) => this.put(entry, customer, cell, value))
    const has = entry.stored.length > 0
    if (has !== had) this.customers += has ? 1 : -1
    this.count(entry, has)
    const weight = entryBytes + this.codec.weigh(entry.state)
    this.bytes += weight - entry.weight
    entry.weight = weight
  }

  private count(entry: Entry<S>, has: boolean): void {
    if (entry.counted !== has) this.present += has ? 1 : -1
    entry.counted = has
  }

  private put(entry: Entry<S>, customer: Buffer, cell: number, value: Uint8Array | null): void {
    const at = placeOfCell(entry.stored, cell)
    if (at < 0 && value === null) return
    const key = stateKey(customer, cell, this.room)
    if (at >= 0) this.digest.remove(sealAt(entry.stored, at))
    if (value === null) {
      removeCell(entry.stored, at)
      this.changes.push({ key, value: null })
      return
    }
    const seal = sealOf(key, value)
    this.digest.add(seal)
    if (at >= 0) setSeal(entry.stored, at, seal)
    else entry.stored = withCell(entry.stored, cell, seal)
    this.changes.push({ key, value: sealed(seal, value, this.room) })
  }

  /**
   * Reads customers; one that the store does not know gets a new state. For an `event` they become
   * resident; for a `timer` only while there is room (O5).
   */
  async fetch(customers: readonly string[], cause: 'event' | 'timer'): Promise<void> {
    const roots = this.codec.roots
    const ids = customers.map((customer) => Buffer.from(customer, 'utf8'))
    const keys = ids.flatMap((id) => roots.map((cell) => stateKey(id, cell)))
    const values = await this.store.getMany(keys)
    for (let i = 0; i < customers.length; i++) {
      const found = new FoundCells(customers[i])
      const heads = roots.map((cell, r) => {
        const at = i * roots.length + r
        return found.take(cell, keys[at], values[at])
      })
      const further = found.stored.length === 0 ? [] : this.codec.further(heads)
      if (further.length > 0) await this.fetchFurther(ids[i], further, found)
      if (this.entries.has(customers[i])) continue
      const isNew = found.stored.length === 0
      const state = isNew ? this.codec.create() : this.codec.decode(found.payloads)
      if (cause === 'event' || this.hasRoom) this.insert(customers[i], state, found.stored)
      else this.passing.set(customers[i], state)
    }
  }

  private async fetchFurther(
    id: Buffer,
    cells: readonly number[],
    found: FoundCells,
  ): Promise<void> {
    const keys = cells.map((cell) => stateKey(id, cell))
    const values = await this.store.getMany(keys)
    cells.forEach((cell, i) => found.take(cell, keys[i], values[i]))
  }
}

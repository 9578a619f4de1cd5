/**
 * The port of a partition's state: sealed bytes by key, and the position that they belong to.
 *
 * Invariants that every adapter keeps (checked by `test/conformance/store.ts`):
 * S1 one `write` is atomic and durable when it resolves: its changes and its position, or nothing.
 * S2 `position()` is that of the last durable write; null in a new store.
 * S3 a write that was lost below a later one is found when the store is opened (a chain of flush
 *    records), and reported as damage, never served.
 * S4 a view is the store behind one write, position and values, whatever is written meanwhile.
 */

export interface StoreChange {
  readonly key: Uint8Array
  /** null deletes. */
  readonly value: Uint8Array | null
}

export interface Store {
  /** The position record (opaque here) of the last durable write. */
  position(): Promise<Uint8Array | null>
  /** Values in the order of the keys; undefined where there is none. */
  getMany(keys: readonly Uint8Array[]): Promise<(Uint8Array | undefined)[]>
  write(changes: readonly StoreChange[], position: Uint8Array): Promise<void>
  /** To be closed: on a disk it keeps what is overwritten meanwhile. */
  view(): Promise<StoreView>
  close(): Promise<void>
}

/** The store as its last durable write left it (S4). */
export interface StoreView {
  readonly position: Uint8Array | null
  /** All keys and values in key order, in portions; the position and flush records left out. */
  scan(): AsyncIterable<readonly (readonly [key: Uint8Array, value: Uint8Array])[]>
  /**
   * What the adapter can prove below the values, in slices with nothing in them: checksums of
   * files, the chain. Throws `STORE_DAMAGED`.
   */
  check(): AsyncIterable<void>
  close(): Promise<void>
}

/**
 * Where a partition's store lives: opening it, and setting a damaged one aside (never deleting it).
 * `open` throws `STORE_DAMAGED` (retry 'now', after `setAside`) where the adapter itself finds
 * damage: a gap in the chain of flushes, a directory that LevelDB refuses.
 */
export interface StoreHome {
  open(partition: number): Promise<Store>
  /** Moves what is there out of the way and returns its new name. */
  setAside(partition: number, reason: string): Promise<string>
}

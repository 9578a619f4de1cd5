/**
 * Where a store keeps the last changes of each customer: a ring of slots beside his row, each a
 * value of its own, so that one more change writes no other again.
 *
 * A slot's key begins with a byte that no text in UTF-8 has, and so no customer's key does.
 */
import { changeCommit, type ChangeHead } from '../events/output-changes.js'
import { sealed, sealOf } from '../state/checksum.js'

/** Makes changes of feature rows and their scores, and reads what matters here; `OutputChanges`. */
export interface ChangeFormat {
  encode(features: Uint8Array, score: Uint8Array | null): Uint8Array
  head(change: Uint8Array): ChangeHead
}

/** Changes kept of a customer, the newest. */
export const keptChanges = 100

const SLOT = 0xff

export function slotKey(customer: Uint8Array, slot: number): Buffer {
  const key = Buffer.allocUnsafe(2 + customer.length)
  key[0] = SLOT
  key[1] = slot
  key.set(customer, 2)
  return key
}

/** Whether the key is of a change and not of a customer's row. */
export function isSlotKey(key: Uint8Array): boolean {
  return key[0] === SLOT
}

/** How many slots `count` changes fill. */
export function slotsOf(count: number): number {
  return Math.min(count, keptChanges)
}

/** Those that are kept, newest first; one may come twice, where a write has ended meanwhile. */
export function newestFirst(changes: readonly Uint8Array[]): readonly Uint8Array[] {
  const byCommit = new Map(changes.map((change) => [changeCommit(change), change]))
  const newest = [...byCommit].sort(([a], [b]) => b - a).slice(0, keptChanges)
  return newest.map(([, change]) => change)
}

export function sealedChange(key: Uint8Array, change: Uint8Array): Buffer {
  return sealed(sealOf(key, change), change)
}

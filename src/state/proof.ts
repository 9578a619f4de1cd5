/**
 * What proves a store: each value's seal, and the digest and the number of customers that its
 * position names. Opening and scrubbing a store go through the same checks.
 */
import { ioError } from '../errors.js'
import { Digest, sealIn, unsealed } from './checksum.js'
import { parseStateKey } from './state-key.js'
import type { StoreView } from './store.js'

/** What a store's position record holds beside the digest: the caller's own, as JSON. */
export interface StoredPosition<P> {
  readonly position: P
  readonly digest: string
  readonly customers: number
  /** Where the log keeps the state: how far the store has followed it. */
  readonly followed?: Followed
}

export interface Followed {
  /** Exclusive: the end, in the log, of the state that is in the store. */
  readonly stateOffset: number
  /** Wall clock, ms UTC: a log forgets some day what was deleted, and the store must be younger. */
  readonly flushedAt: number
  /** What is stored is on its way from one commit to another, and of neither. */
  readonly isPartial: boolean
}

/** @example encodeStored({ commit: 1 }, '00', 0) // bytes of JSON */
export function encodeStored(
  position: unknown,
  digest: string,
  customers: number,
  followed?: Followed,
): Uint8Array {
  return Buffer.from(JSON.stringify({ position, digest, customers, followed }))
}

/** null: nothing was ever written. Throws `STORE_DAMAGED`. */
export function parseStored<P>(bytes: Uint8Array | null): StoredPosition<P> | null {
  if (bytes === null) return null
  try {
    return JSON.parse(Buffer.from(bytes).toString('utf8')) as StoredPosition<P>
  } catch (cause) {
    throw ioError('STORE_DAMAGED', 'the store has a position record that is not JSON', cause)
  }
}

/** A stored value whose seal holds. */
export interface ProvedCell {
  readonly customer: string
  readonly cell: number
  readonly seal: bigint
  readonly payload: Uint8Array
}

/** All cells in key order, in portions, their seals checked. Throws `STORE_DAMAGED`. */
export async function* provedCells(view: StoreView): AsyncIterable<ProvedCell[]> {
  for await (const portion of view.scan()) yield portion.map(provedCell)
}

function provedCell([key, value]: readonly [Uint8Array, Uint8Array]): ProvedCell {
  const name = parseStateKey(Buffer.from(key.buffer, key.byteOffset, key.length))
  const payload = name === null ? null : unsealed(key, value)
  if (name === null || payload === null) {
    throw ioError('STORE_DAMAGED', `a value has a broken seal (key ${hex(key)})`)
  }
  return { customer: name.customer, cell: name.cell, seal: sealIn(value), payload }
}

/** Throws `STORE_DAMAGED` where values were lost, are older ones, or came from elsewhere. */
export function assertProved(
  stored: StoredPosition<unknown> | null,
  digest: Digest,
  customers: number,
): void {
  const due = stored === null ? new Digest() : Digest.parse(stored.digest)
  if (digest.equals(due) && customers === (stored?.customers ?? 0)) return
  const text = `the store's digest is ${digest.toString()} over ${customers} customers; its position names`
  throw ioError('STORE_DAMAGED', `${text} ${due.toString()} over ${stored?.customers ?? 0}`)
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

/**
 * Opening a store: every value is read once, its seal checked, the digest summed and compared,
 * and each customer shown to the caller, who arms timers.
 *
 * LevelDB as packaged hides torn logs and flipped bits; only the digest over a full scan proves
 * that no key is missing or stale. About 5 µs a customer, paid once at start.
 */
import { ioError } from '../errors.js'
import { Digest, sealIn, unsealed } from './checksum.js'
import type { StateCodec } from './codec.js'
import { Overlay, type OverlayOptions } from './overlay.js'
import { parseStateKey } from './state-key.js'
import type { Store } from './store.js'

/** What a store's position record holds beside the digest: the caller's own, as JSON. */
export interface StoredPosition<P> {
  readonly position: P
  readonly digest: string
  readonly customers: number
}

/** @example encodeStored({ commit: 1 }, '00', 0) // bytes of JSON */
export function encodeStored(position: unknown, digest: string, customers: number): Uint8Array {
  return Buffer.from(JSON.stringify({ position, digest, customers }))
}

export interface OpenedOverlay<S, P> {
  readonly overlay: Overlay<S>
  /** null: a new store. */
  readonly position: P | null
}

/** Throws `STORE_DAMAGED` where the bytes are not exactly those that were written. */
export async function openOverlay<S, P>(
  store: Store,
  codec: StateCodec<S>,
  options: OverlayOptions,
  onCustomer: (customer: string, state: S, position: P) => void,
): Promise<OpenedOverlay<S, P>> {
  const overlay = new Overlay(store, codec, options)
  const bytes = await store.position()
  const stored = bytes === null ? null : parseStored<P>(bytes)
  const digest = new Digest()
  let customers = 0
  for await (const group of byCustomer(store, digest)) {
    const state = decodeGroup(codec, group)
    customers++
    if (stored !== null) onCustomer(group.customer, state, stored.position)
    overlay.admit(group.customer, state, group.cells, group.seals)
  }
  const due = stored === null ? new Digest() : Digest.parse(stored.digest)
  if (!digest.equals(due) || customers !== (stored?.customers ?? 0)) {
    const text = `the store's digest is ${digest.toString()} over ${customers} customers; its position names`
    throw ioError('STORE_DAMAGED', `${text} ${due.toString()} over ${stored?.customers ?? 0}`)
  }
  overlay.digest = digest
  overlay.customers = customers
  return { overlay, position: stored?.position ?? null }
}

function parseStored<P>(bytes: Uint8Array): StoredPosition<P> {
  try {
    return JSON.parse(Buffer.from(bytes).toString('utf8')) as StoredPosition<P>
  } catch (cause) {
    throw ioError('STORE_DAMAGED', 'the store has a position record that is not JSON', cause)
  }
}

interface Group {
  customer: string
  cells: number[]
  seals: bigint[]
  payloads: Map<number, Uint8Array>
}

/** Cells of one customer are neighbours in key order. */
async function* byCustomer(store: Store, digest: Digest): AsyncIterable<Group> {
  let group: Group | null = null
  for await (const portion of store.scan()) {
    for (const [key, value] of portion) {
      const name = parseStateKey(Buffer.from(key.buffer, key.byteOffset, key.length))
      const payload = name === null ? null : unsealed(key, value)
      if (name === null || payload === null) {
        throw ioError('STORE_DAMAGED', `a value has a broken seal (key ${hex(key)})`)
      }
      if (group !== null && group.customer !== name.customer) {
        yield group
        group = null
      }
      group ??= { customer: name.customer, cells: [], seals: [], payloads: new Map() }
      const seal = sealIn(value)
      digest.add(seal)
      group.cells.push(name.cell)
      group.seals.push(seal)
      group.payloads.set(name.cell, payload)
    }
  }
  if (group !== null) yield group
}

function decodeGroup<S>(codec: StateCodec<S>, group: Group): S {
  try {
    return codec.decode(group.payloads)
  } catch (cause) {
    const text = `the state of customer ${JSON.stringify(group.customer)} cannot be read`
    throw ioError('STORE_DAMAGED', `${text}: ${(cause as Error).message}`, cause)
  }
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

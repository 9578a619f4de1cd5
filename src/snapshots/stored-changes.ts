/**
 * Where a customer's last changes are: the places of their rows in the output topics, beside his newest
 * row. The log keeps the rows anyway; a copy of each would cost as much again as all the rest.
 *
 * The newest places stand in the row itself. Sixteen of them are a block, which moves to a slot with
 * a key of its own, in a ring of as many as a history takes.
 *
 * A slot's key begins with a byte that no text in UTF-8 has, and so no customer's key does.
 */
import type { ChangeHead } from '../events/output-changes.js'
import { ByteReader } from '../features/byte-reader.js'
import { ByteWriter } from '../features/byte-writer.js'
import { sealed, sealOf } from '../state/checksum.js'

/** Makes changes of feature rows and their scores, and reads what matters here; `OutputChanges`. */
export interface ChangeFormat {
  encode(features: Uint8Array, score: Uint8Array | null): Uint8Array
  head(features: Uint8Array, score: Uint8Array | null): ChangeHead
  asOf(features: Uint8Array): number
}

/** An emitted row and its score. */
export interface EmittedRow {
  readonly features: Uint8Array
  readonly score: Uint8Array | null
}

export interface HistoryOptions {
  readonly changes: ChangeFormat
  /** The customer's rows at these places of the output topics; of those that are gone, null. */
  readonly rowsAt: (
    partition: number,
    customer: string,
    places: readonly (readonly [featuresOffset: number, scoresOffset: number])[],
  ) => Promise<readonly (EmittedRow | null)[]>
}

/** Changes kept of a customer, the newest. */
export const keptChanges = 100

/** Offsets in the output topics, flat: of a row, then of its score; the oldest first. */
export type Places = readonly number[]

export const noPlaces: Places = []

const SLOT = 0xff
export const blockChanges = 16
/** With those in the row there are always enough. */
export const blockSlots = Math.ceil(keptChanges / blockChanges)

export function slotKey(customer: Uint8Array, slot: number): Buffer {
  const key = Buffer.allocUnsafe(2 + customer.length)
  key[0] = SLOT
  key[1] = slot
  key.set(customer, 2)
  return key
}

/** Whether the key is of a block and not of a customer's row. */
export function isSlotKey(key: Uint8Array): boolean {
  return key[0] === SLOT
}

/** How many slots the blocks of `count` changes fill. */
export function slotsOf(count: number): number {
  return Math.min(Math.floor(count / blockChanges), blockSlots)
}

const writer = new ByteWriter()

/** How many, then each as its distance from the one before; scores by how far they are from rows. */
export function writePlaces(into: ByteWriter, places: ArrayLike<number>, from: number, to: number) {
  into.varint((to - from) / 2)
  let [row, apart] = [0, 0]
  for (let at = from; at < to; at += 2) {
    into.varint(places[at] - row)
    row = places[at]
    const now = places[at + 1] - row
    into.signed(now - apart)
    apart = now
  }
}

/** What `writePlaces` wrote from `from` on, and where it ends. */
export function decodePlaces(bytes: Uint8Array, from = 0): readonly [places: Places, end: number] {
  const reader = new ByteReader(bytes, from)
  const places: number[] = []
  let [row, apart] = [0, 0]
  for (let left = reader.varint(); left > 0; left--) {
    row += reader.varint()
    apart += reader.signed()
    places.push(row, row + apart)
  }
  return [places, reader.position]
}

export function sealedBlock(key: Uint8Array, places: Places): Buffer {
  writePlaces(writer, places, 0, places.length)
  const payload = writer.take()
  return sealed(sealOf(key, payload), payload)
}

/** The newest changes of a customer at places that several lists have, newest first. */
export async function changesAt(
  { changes, rowsAt }: HistoryOptions,
  partition: number,
  customer: string,
  lists: readonly Places[],
  most: number,
): Promise<readonly Uint8Array[]> {
  const rows = await rowsAt(partition, customer, newestPlaces(lists).slice(0, most))
  return rows.flatMap((row) => (row === null ? [] : [changes.encode(row.features, row.score)]))
}

/** Those that are kept of several lists, newest first, each once: a write may have ended meanwhile. */
function newestPlaces(lists: readonly Places[]): (readonly [row: number, score: number])[] {
  const scores = new Map<number, number>()
  for (const places of lists) {
    for (let at = 0; at < places.length; at += 2) scores.set(places[at], places[at + 1])
  }
  return [...scores].sort(([a], [b]) => b - a).slice(0, keptChanges)
}

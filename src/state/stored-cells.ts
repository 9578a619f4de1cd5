/**
 * The cells that the store holds of a customer, and their seals: three numbers each in one flat
 * array, for nearly every customer has one cell, and there are many customers in memory.
 */

/** A cell, and the high and the low half of its seal, and so on. */
export type StoredCells = number[]

const width = 3

/** Of a customer of whom the store has nothing. Never written to. */
export const noCells: StoredCells = []

const seals = new BigUint64Array(1)
const halves = new Uint32Array(seals.buffer)

/** The place of a cell, or −1. */
export function placeOfCell(stored: StoredCells, cell: number): number {
  for (let place = 0; place < stored.length; place += width) {
    if (stored[place] === cell) return place
  }
  return -1
}

/** The cells with one more. */
export function withCell(stored: StoredCells, cell: number, seal: bigint): StoredCells {
  seals[0] = seal
  // A literal has just the room that it needs.
  if (stored.length === 0) return [cell, halves[1], halves[0]]
  stored.push(cell, halves[1], halves[0])
  return stored
}

export function sealAt(stored: StoredCells, place: number): bigint {
  halves[1] = stored[place + 1]
  halves[0] = stored[place + 2]
  return seals[0]
}

export function setSeal(stored: StoredCells, place: number, seal: bigint): void {
  seals[0] = seal
  stored[place + 1] = halves[1]
  stored[place + 2] = halves[0]
}

export function removeCell(stored: StoredCells, place: number): void {
  stored.splice(place, width)
}

/** @example cellsIn([7, 0, 1, 9, 0, 2]) // [7, 9] */
export function cellsIn(stored: StoredCells): number[] {
  return stored.filter((_, place) => place % width === 0)
}

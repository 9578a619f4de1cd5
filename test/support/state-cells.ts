/** A customer's cells as a store would hold them. */
import { expect } from 'vitest'
import type { CustomerState, FeatureEngine } from '../../src/features/engine.js'

export type Cells = Map<number, Uint8Array>

/** Writes what changed: each cell that is emitted replaces the one before. */
export function storeCells(engine: FeatureEngine, state: CustomerState, cells: Cells): void {
  engine.codec.encode(state, (cell, value) => {
    if (value === null) cells.delete(cell)
    else cells.set(cell, Uint8Array.from(value))
  })
}

/** Reads a state back; every cell that is stored must be a root or named by one. */
export function loadCells(engine: FeatureEngine, cells: Cells): CustomerState {
  if (cells.size === 0) return engine.codec.create()
  const { roots } = engine.codec
  const further = engine.codec.further(roots.map((cell) => cells.get(cell)))
  const named = [...roots, ...further].flatMap((cell) => {
    const value = cells.get(cell)
    return value === undefined ? [] : [[cell, value] as const]
  })
  const loaded = new Map(named)
  expect(sortedCells(loaded)).toEqual(sortedCells(cells))
  return engine.codec.decode(loaded)
}

export function sortedCells(cells: Cells): [number, string][] {
  return [...cells]
    .sort(([one], [other]) => one - other)
    .map(([cell, value]) => [cell, Buffer.from(value).toString('hex')])
}

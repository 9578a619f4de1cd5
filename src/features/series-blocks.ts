/**
 * Where a long series is cut into cells: rows of the newest blocks stay in the customer's root
 * cell, each older block is a cell of its own. A rule of the content alone.
 */
import type { SeriesPlan } from './plan.js'

/** A series of no more rows is whole in the root. */
export const INLINE_ROWS_MAX = 48

/** Tiles of a block: an eighth of the longest window, but so many that its number has 32 bits. */
export function blockTiles({ tileMs, keepMs }: SeriesPlan): number {
  return Math.max(32, Math.ceil(keepMs / tileMs / 8), Math.ceil(1_024 / tileMs))
}

/**
 * The first row that stays in the root: the newest block always, older ones while all rows
 * together are few.
 */
export function inlineRowsFrom(rows: readonly number[], plan: SeriesPlan): number {
  const { stride } = plan
  const count = rows.length / stride
  if (count <= INLINE_ROWS_MAX) return 0
  const tiles = blockTiles(plan)
  let first = count
  for (let row = count - 1; row >= 0; row--) {
    const block = Math.floor((rows[row * stride] as number) / tiles)
    const starts = row === 0 || Math.floor((rows[(row - 1) * stride] as number) / tiles) < block
    if (!starts) continue
    if (first < count && count - row > INLINE_ROWS_MAX) break
    first = row
  }
  return first
}

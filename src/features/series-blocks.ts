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
 * The place of the first row that stays in the root: the newest block always, older ones while all
 * rows together are few.
 */
export function inlineRowsFrom(rows: readonly number[], plan: SeriesPlan): number {
  const { stride } = plan
  const most = INLINE_ROWS_MAX * stride
  if (rows.length <= most) return 0
  const tiles = blockTiles(plan)
  let first = rows.length
  for (let row = rows.length - stride; row >= 0; row -= stride) {
    const block = Math.floor(rows[row] / tiles)
    if (row > 0 && Math.floor(rows[row - stride] / tiles) === block) continue
    if (first < rows.length && rows.length - row > most) break
    first = row
  }
  return first
}

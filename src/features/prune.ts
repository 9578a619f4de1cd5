/**
 * Dropping what no window can reach. It happens when an event is added, by the instant that the
 * caller names (live: the log clock), so what a customer holds is a function of the log.
 */
import type { CustomerAggregates, DistinctValues } from './aggregates.js'
import { HEAD, type Plan, type SeriesPlan } from './plan.js'
import { dropFromWindows } from './running.js'
import { blockTiles, INLINE_ROWS_MAX } from './series-blocks.js'
import { clearStaleSlots } from './slots.js'
import { dropRows, placeOf } from './tiles.js'

interface Kept {
  readonly tileMs: number
  /** Length of the longest window. */
  readonly keepMs: number
}

/** The index of the oldest tile that the longest window still reaches at `keepFrom`. */
export function oldestTile({ tileMs, keepMs }: Kept, keepFrom: number): number {
  return tileMs === 0 ? 0 : Math.floor((keepFrom - keepMs) / tileMs)
}

/** The instant from which no window reaches a tile. */
export function leavesFrom({ tileMs, keepMs }: Kept, tile: number): number {
  return tileMs === 0 ? Infinity : (tile + 1) * tileMs + keepMs
}

/**
 * Drops the tiles and values that no window can reach at any instant from `keepFrom` on, and notes
 * before which instant there is nothing to be dropped.
 */
export function prune(plan: Plan, state: CustomerAggregates, keepFrom: number): void {
  let next = clearStaleSlots(plan, state, keepFrom)
  for (let i = 0; i < plan.series.length; i++) {
    const rows = state.series[i]
    if (rows === null || rows.length === 0) continue
    const one = plan.series[i]
    const oldest = oldestTile(one, keepFrom)
    if (rows[0] < oldest) pruneSeries(state, one, rows, oldest, keepFrom)
    next = Math.min(next, seriesLeaves(one, rows))
  }
  for (const one of plan.distincts) {
    const values = state.distincts[one.index]
    if (values === null) continue
    pruneDistinct(values, oldestTile(one, keepFrom))
    next = Math.min(next, leavesFrom(one, values.oldest))
  }
  for (const one of plan.firsts) {
    const events = state.firsts[one.index]
    if (events === null) continue
    const oldest = oldestTile(one, keepFrom)
    while (events.length > 0 && events[0].tile < oldest) events.shift()
    if (events.length > 0) next = Math.min(next, leavesFrom(one, events[0].tile))
  }
  state.numbers[HEAD.pruneAt] = next
}

/**
 * A long series loses whole blocks only: a block that is a cell of its own is then not written
 * again for each tile that leaves, and what it holds does not depend on when it was written.
 */
function pruneSeries(
  state: CustomerAggregates,
  plan: SeriesPlan,
  rows: number[],
  oldest: number,
  keepFrom: number,
): void {
  const { stride } = plan
  let gone = placeOf(rows, stride, oldest)
  if (rows.length - gone > INLINE_ROWS_MAX * stride) {
    const tiles = blockTiles(plan)
    gone = placeOf(rows, stride, Math.floor(oldest / tiles) * tiles)
  }
  if (gone === 0) return
  const { numbers } = state
  if (numbers[HEAD.from] >= -Infinity) {
    dropFromWindows(plan, rows, numbers, gone, keepFrom)
  }
  dropRows(state, plan, rows, gone)
}

/** The instant before which `pruneSeries` will drop nothing. */
function seriesLeaves(plan: SeriesPlan, rows: readonly number[]): number {
  if (rows.length === 0) return Infinity
  const count = rows.length / plan.stride
  if (count <= INLINE_ROWS_MAX) return leavesFrom(plan, rows[0])
  // Its first block may go, or so many rows have left that the rest is short.
  const tiles = blockTiles(plan)
  const lastOfBlock = (Math.floor(rows[0] / tiles) + 1) * tiles - 1
  const lastTooMany = rows[(count - INLINE_ROWS_MAX - 1) * plan.stride]
  return leavesFrom(plan, Math.min(lastOfBlock, lastTooMany))
}

function pruneDistinct(values: DistinctValues, oldest: number): void {
  if (values.oldest >= oldest) return
  values.oldest = Infinity
  for (const [value, tile] of values.tiles) {
    if (tile < oldest) values.tiles.delete(value)
    else if (tile < values.oldest) values.oldest = tile
  }
}

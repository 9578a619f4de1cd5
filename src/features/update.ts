/**
 * `update`: adds an accepted event to what is kept of its customer, and drops what no window can
 * reach any more. It neither knows the clock nor decides: `judge.ts` has done that.
 */
import type { EventBody } from '../events/event.js'
import { DistinctValues, Series, type CustomerAggregates, type FirstEvent } from './aggregates.js'
import { extractOf, type Extract, type Extracted } from './extract.js'
import type { DistinctPlan, FirstPlan, Plan, SeriesPlan, TypePlan } from './plan.js'
import { addToWindows, dropFromWindows } from './running.js'
import { blockTiles, INLINE_ROWS_MAX } from './series-blocks.js'
import { clearStaleSlots, updateSlots } from './slots.js'
import { addToRow, counts, dropRows, emptyRow, insertRow, rowAt } from './tiles.js'

export type Update = (
  state: CustomerAggregates,
  type: number,
  body: EventBody,
  offset: number,
  keepFrom: number,
) => void

export function updateOf(plan: Plan): Update {
  const extracts = plan.byType.map(extractOf)
  const emptyRows = plan.series.map(emptyRow)
  const extracted: Extracted = {
    hits: plan.sources.map(() => 0),
    numbers: new Float64Array(plan.sources.length),
    texts: plan.sources.map(() => ''),
  }
  return (state, type, body, offset, keepFrom) => {
    const at = body.occurred_at
    const { series, slots, distincts, firsts } = plan.byType[type] as TypePlan
    ;(extracts[type] as Extract)(body, extracted)
    state.changed = true
    if (at > state.newest) state.newest = at
    if (slots.length > 0) updateSlots(state, slots, at, offset, extracted)
    for (let i = 0; i < series.length; i++) {
      const one = series[i] as SeriesPlan
      addToSeries(state, one, at, keepFrom, extracted, emptyRows[one.index] as number[])
    }
    for (const one of distincts) addDistinct(state, one, at, keepFrom, extracted)
    for (const one of firsts) addFirst(state, one, at, offset, keepFrom, extracted)
    prune(plan, state, keepFrom)
  }
}

/** The index of the oldest tile that the longest window still reaches at `keepFrom`. */
function oldestTile({ tileMs, keepMs }: { tileMs: number; keepMs: number }, keepFrom: number) {
  return tileMs === 0 ? 0 : Math.floor((keepFrom - keepMs) / tileMs)
}

function addToSeries(
  state: CustomerAggregates,
  plan: SeriesPlan,
  at: number,
  keepFrom: number,
  extracted: Extracted,
  empty: readonly number[],
): void {
  const tile = Math.floor(at / plan.tileMs)
  if (tile < oldestTile(plan, keepFrom) || !counts(plan, extracted)) return
  const series = (state.series[plan.index] ??= new Series())
  const row = rowAt(series.rows, plan.stride, tile)
  const inserted = series.rows[row * plan.stride] !== tile
  if (inserted) insertRow(series.rows, plan, row, tile, empty)
  addToRow(series, plan, row, extracted)
  if (series.cells !== null) (series.touched ??= []).push(tile)
  if (state.running !== null) {
    addToWindows(plan, series, state.running, row, inserted, extracted)
  }
}

function addDistinct(
  state: CustomerAggregates,
  plan: DistinctPlan,
  at: number,
  keepFrom: number,
  { hits, numbers, texts }: Extracted,
): void {
  const { index, carries } = plan.source
  const tile = plan.tileMs === 0 ? 0 : Math.floor(at / plan.tileMs)
  if (hits[index] === 0 || tile < oldestTile(plan, keepFrom)) return
  const values = (state.distincts[plan.index] ??= new DistinctValues())
  const value = (carries === 'number' ? numbers[index] : texts[index]) as string | number
  const known = values.tiles.get(value)
  if (known !== undefined && known >= tile) return
  values.tiles.set(value, tile)
  if (tile < values.oldest) values.oldest = tile
  const { running } = state
  if (running === null) return
  // From nowhere: the count is taken again when it is next read.
  for (const { base } of plan.windows) running[base + 1] = Infinity
}

function addFirst(
  state: CustomerAggregates,
  plan: FirstPlan,
  at: number,
  offset: number,
  keepFrom: number,
  { hits, numbers, texts }: Extracted,
): void {
  const { index, carries } = plan.source
  const tile = Math.floor(at / plan.tileMs)
  if (hits[index] === 0 || tile < oldestTile(plan, keepFrom)) return
  const number = carries === 'number' ? (numbers[index] as number) : null
  const value = carries === 'text' ? (texts[index] as string) : number
  const event: FirstEvent = { tile, at, offset, value }
  const events = (state.firsts[plan.index] ??= [])
  let place = events.length
  while (place > 0 && (events[place - 1] as FirstEvent).tile > tile) place--
  const known = events[place - 1]
  if (known?.tile !== tile) events.splice(place, 0, event)
  else if (at < known.at || (at === known.at && offset < known.offset)) events[place - 1] = event
}

/** Drops the tiles and values that no window can reach at any instant from `keepFrom` on. */
function prune(plan: Plan, state: CustomerAggregates, keepFrom: number): void {
  for (let i = 0; i < plan.series.length; i++) {
    const series = state.series[i] as Series | null
    if (series === null || series.rows.length === 0) continue
    const one = plan.series[i] as SeriesPlan
    const oldest = oldestTile(one, keepFrom)
    if ((series.rows[0] as number) < oldest) pruneSeries(state, one, series, oldest, keepFrom)
  }
  for (const one of plan.distincts)
    pruneDistinct(state.distincts[one.index] as DistinctValues | null, oldestTile(one, keepFrom))
  for (const one of plan.firsts) {
    const events = state.firsts[one.index] as FirstEvent[] | null
    while (
      events !== null &&
      events.length > 0 &&
      (events[0] as FirstEvent).tile < oldestTile(one, keepFrom)
    )
      events.shift()
  }
  clearStaleSlots(plan, state, keepFrom)
}

/**
 * A long series loses whole blocks only: a block that is a cell of its own is then not written
 * again for each tile that leaves, and what it holds does not depend on when it was written.
 */
function pruneSeries(
  state: CustomerAggregates,
  plan: SeriesPlan,
  series: Series,
  oldest: number,
  keepFrom: number,
): void {
  const { rows } = series
  const { stride } = plan
  let gone = rowAt(rows, stride, oldest)
  if (rows.length / stride - gone > INLINE_ROWS_MAX) {
    const tiles = blockTiles(plan)
    gone = rowAt(rows, stride, Math.floor(oldest / tiles) * tiles)
  }
  if (gone === 0) return
  if (state.running !== null) dropFromWindows(plan, series, state.running, gone, keepFrom)
  dropRows(series, plan, gone)
}

function pruneDistinct(values: DistinctValues | null, oldest: number): void {
  if (values === null || values.oldest >= oldest) return
  values.oldest = Infinity
  for (const [value, tile] of values.tiles) {
    if (tile < oldest) values.tiles.delete(value)
    else if (tile < values.oldest) values.oldest = tile
  }
}

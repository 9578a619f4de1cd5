/**
 * `update`: adds an accepted event to what is kept of its customer. It neither knows the clock nor
 * decides: `judge.ts` has done that.
 */
import type { EventBody } from '../events/event.js'
import { DistinctValues, type CustomerAggregates, type FirstEvent } from './aggregates.js'
import { extractOf, type Extracted } from './extract.js'
import { HEAD, type DistinctPlan, type FirstPlan, type Plan, type SeriesPlan } from './plan.js'
import { leavesFrom, oldestTile, prune } from './prune.js'
import { addToWindows } from './running.js'
import { updateSlots } from './slots.js'
import { addToRow, counts, insertRow, placeOf } from './tiles.js'

export type Update = (
  state: CustomerAggregates,
  type: number,
  body: EventBody,
  offset: number,
  keepFrom: number,
) => void

export function updateOf(plan: Plan): Update {
  const extracts = plan.byType.map(extractOf)
  const extracted: Extracted = {
    hits: plan.sources.map(() => 0),
    numbers: new Float64Array(plan.sources.length),
    texts: plan.sources.map(() => ''),
  }
  return (state, type, body, offset, keepFrom) => {
    const at = body.occurred_at
    const { series, slots, distincts, firsts } = plan.byType[type]
    extracts[type](body, extracted)
    state.changed = true
    const { numbers } = state
    numbers[HEAD.readAt] = NaN
    if (at > numbers[HEAD.newest]) numbers[HEAD.newest] = at
    if (slots.length > 0) updateSlots(state, slots, at, offset, extracted)
    for (let i = 0; i < series.length; i++) {
      addToSeries(state, series[i], at, keepFrom, extracted)
    }
    for (const one of distincts) addDistinct(state, one, at, keepFrom, extracted)
    for (const one of firsts) addFirst(state, one, at, offset, keepFrom, extracted)
    if (keepFrom >= numbers[HEAD.pruneAt]) prune(plan, state, keepFrom)
  }
}

/** Notes that something can be dropped from `leaves` on. */
function pruneFrom(numbers: number[], leaves: number): void {
  if (leaves < numbers[HEAD.pruneAt]) numbers[HEAD.pruneAt] = leaves
}

function addToSeries(
  state: CustomerAggregates,
  plan: SeriesPlan,
  at: number,
  keepFrom: number,
  extracted: Extracted,
): void {
  const tile = Math.floor(at / plan.tileMs)
  if (!counts(plan, extracted) || tile < oldestTile(plan, keepFrom)) return
  const { numbers } = state
  let rows = state.series[plan.index]
  let row = 0
  let inserted = true
  if (rows === null) {
    // A copy has just the room that it needs, where a first push would make room for many.
    rows = plan.emptyRow.slice()
    rows[0] = tile
    state.series[plan.index] = rows
  } else {
    row = placeOf(rows, plan.stride, tile)
    inserted = row === rows.length || rows[row] !== tile
    if (inserted) insertRow(rows, plan, row, tile)
  }
  if (row === 0 && inserted) pruneFrom(numbers, leavesFrom(plan, tile))
  addToRow(state, plan, rows, row, extracted)
  if (state.extras?.cells[plan.index] !== undefined) {
    ;(state.extras.touched[plan.index] ??= []).push(tile)
  }
  // Windows that are not made yet (NaN) will read the rows.
  if (numbers[HEAD.from] >= -Infinity) {
    addToWindows(plan, rows, numbers, row, inserted, extracted)
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
  const value = carries === 'number' ? numbers[index] : texts[index]
  const known = values.tiles.get(value)
  if (known !== undefined && known >= tile) return
  values.tiles.set(value, tile)
  if (tile < values.oldest) values.oldest = tile
  pruneFrom(state.numbers, leavesFrom(plan, values.oldest))
  // From nowhere: the count is taken again when it is next read.
  for (const { base } of plan.windows) state.numbers[base + 1] = Infinity
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
  const number = carries === 'number' ? numbers[index] : null
  const value = carries === 'text' ? texts[index] : number
  const event: FirstEvent = { tile, at, offset, value }
  const events = (state.firsts[plan.index] ??= [])
  let place = events.length
  while (place > 0 && events[place - 1].tile > tile) place--
  const known = events[place - 1]
  if (known?.tile !== tile) events.splice(place, 0, event)
  else if (at < known.at || (at === known.at && offset < known.offset)) events[place - 1] = event
  pruneFrom(state.numbers, leavesFrom(plan, events[0].tile))
}

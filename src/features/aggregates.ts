/** What aggregating keeps of a customer, as hot objects. All of it is a function of the log alone. */
import type { Aggregates } from './engine.js'
import type { Plan } from './plan.js'

/**
 * The tiles of one series: rows sorted by tile in one flat array, each of the tile's index and its
 * columns. A tile without an event has no row.
 */
export class Series {
  rows: number[] = []
  /** Totals that their doubles cannot hold (these are NaN then), by tile · stride + column. */
  bigs: Map<number, bigint> | null = null
  /** Blocks that are cells of their own, as of the last encoding; see `series-codec.ts`. */
  cells: number[] | null = null
  /** Tiles changed since then, where cells exist. */
  touched: number[] | null = null
}

/** Distinct values, each with the newest tile in which it was seen. */
export class DistinctValues {
  readonly tiles = new Map<string | number, number>()
  /** No value was last seen in an older tile. */
  oldest = Infinity
}

/** The oldest event of each tile, sorted by tile. */
export interface FirstEvent {
  readonly tile: number
  readonly at: number
  readonly offset: number
  readonly value: string | number | null
}

export class CustomerAggregates implements Aggregates {
  newest = -Infinity
  readonly slots: number[]
  readonly texts: (string | null)[]
  /** Totals of slots that their doubles cannot hold, by slot position. */
  bigs: Map<number, bigint> | null = null
  readonly series: (Series | null)[]
  readonly distincts: (DistinctValues | null)[]
  readonly firsts: (FirstEvent[] | null)[]
  /** Running values of the windows: a cache for reading, made when first read. */
  running: number[] | null = null
  /** Changed since it was last encoded. */
  changed = false

  constructor(plan: Plan) {
    this.slots = plan.slotsTemplate.slice()
    this.texts = plan.textCount === 0 ? NONE : nulls(plan.textCount)
    this.series = nulls(plan.series.length)
    this.distincts = plan.distincts.length === 0 ? NONE : nulls(plan.distincts.length)
    this.firsts = plan.firsts.length === 0 ? NONE : nulls(plan.firsts.length)
  }
}

/** Shared by all customers of an app that has none of a thing; nothing is ever put into it. */
const NONE: never[] = []

function nulls(length: number): null[] {
  const list: null[] = []
  for (let i = 0; i < length; i++) list.push(null)
  return list
}

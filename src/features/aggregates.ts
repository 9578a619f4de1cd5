/** What aggregating keeps of a customer, as hot objects. All of it is a function of the log alone. */
import type { Aggregates } from './engine.js'
import { HEAD, type Plan } from './plan.js'

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

/** What few customers have: totals that doubles cannot hold, and cells beside the root. */
export class Extras {
  /** By position in the customer's numbers, which are NaN then. */
  readonly slots = new Map<number, bigint>()
  /** By series, and in it by tile · stride + column; the row has NaN there. */
  readonly rows: (Map<number, bigint> | undefined)[] = []
  /** By series: blocks that are cells, as of the last encoding; see `series-codec.ts`. */
  readonly cells: (readonly number[] | undefined)[] = []
  /** By series: tiles changed since then, where cells exist. */
  readonly touched: (number[] | undefined)[] = []
}

/**
 * Few and flat objects: a customer is looked at at random among a hundred thousand, and each object
 * is a cache line to wait for.
 */
export class CustomerAggregates implements Aggregates {
  /** Heads (`HEAD`), slots, and the running values of the windows, as the plan lays them out. */
  readonly numbers: number[]
  readonly texts: (string | null)[]
  /**
   * By series, the rows of its tiles in one flat array, sorted by tile: the tile's index and its
   * columns. A tile without an event has no row.
   */
  readonly series: (number[] | null)[]
  readonly distincts: (DistinctValues | null)[]
  readonly firsts: (FirstEvent[] | null)[]
  extras: Extras | null = null
  /** Changed since it was last encoded. */
  changed = false

  constructor({ template, noTexts, noSeries, distincts, firsts }: Plan) {
    // Copies have just the room that they need.
    this.numbers = template.slice()
    this.texts = noTexts.length === 0 ? NONE : noTexts.slice()
    this.series = noSeries.slice()
    this.distincts = distincts.length === 0 ? NONE : distincts.map(() => null)
    this.firsts = firsts.length === 0 ? NONE : firsts.map(() => null)
  }

  get newest(): number {
    return this.numbers[HEAD.newest]
  }
}

/** Shared by all customers of an app that has none of a thing; nothing is ever put into it. */
const NONE: never[] = []

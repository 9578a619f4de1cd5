/**
 * What a declaration needs at run time, with everything shared that can be: the sources that each
 * event type feeds, one series per event type and tile size with one column per aggregate, running
 * windows over the series, and slots for what is kept over the whole history.
 *
 * Positions are fixed here: where a column stands in a row, a running value or a slot among the
 * customer's numbers. The loops only follow them.
 */
import type { FieldType } from './field-types.js'
import type { ConditionSpec, WindowSpec } from './spec.js'

/** What is taken from each event of a type: whether it counts, and the value that it brings. */
export interface Source {
  readonly index: number
  /** Event type by number. */
  readonly type: number
  readonly field: string | null
  readonly where: ConditionSpec | null
  /** How the value is carried; a boolean becomes text. */
  readonly carries: 'nothing' | 'number' | 'text'
  /** The field's type; null without a field. */
  readonly fieldType: FieldType | null
}

export type ColumnKind = 'count' | 'sum' | 'squares' | 'min' | 'max'

/** An aggregate of a source in each tile of a series. */
export interface TileColumn {
  readonly kind: ColumnKind
  readonly source: Source
  /** Offset in a row; offset 0 is the tile's index. */
  readonly at: number
}

/** A column's value over a window, kept up to date as tiles enter and leave. */
export interface RunningColumn {
  readonly kind: ColumnKind
  readonly source: Source
  /** Offset in the row. */
  readonly from: number
  /** Index in the customer's numbers. */
  readonly at: number
  /** How many numbers it takes, and what each is without a row. */
  readonly width: number
  readonly empty: number
}

/**
 * A window over a series. Among the customer's numbers it has three from `base` (`running.ts` says
 * what they mean) and those of its columns.
 */
export interface RunningWindow {
  readonly series: SeriesPlan
  readonly lengthMs: number
  readonly base: number
  readonly columns: readonly RunningColumn[]
}

export interface SeriesPlan {
  readonly index: number
  readonly type: number
  readonly tileMs: number
  /** Numbers in a row. */
  readonly stride: number
  readonly columns: readonly TileColumn[]
  readonly windows: readonly RunningWindow[]
  /** Length of the longest window. */
  readonly keepMs: number
  /** A row without an event; an array of doubles from the start, as V8 tells them apart. */
  readonly emptyRow: readonly number[]
  /** As many empty rows as the index says, made when first asked for. */
  readonly emptyRows: (readonly number[])[]
}

export type SlotKind =
  /** Time of the newest or oldest event: one number. */
  | 'newest'
  | 'oldest'
  /** Value of the newest or oldest event: time, offset, number (or a text elsewhere). */
  | 'latest'
  | 'first'
  | ColumnKind

/** One value kept over the whole history, or until no window can reach it. */
export interface Slot {
  readonly kind: SlotKind
  readonly source: Source
  /** Index in the customer's numbers. */
  readonly at: number
  /** Index among the customer's texts, or −1. */
  readonly text: number
  /** The windows that read it; null where the whole history does. */
  readonly windows: readonly WindowSpec[] | null
}

/** Values with the newest tile that each was seen in; tile size 0: over the whole history. */
export interface DistinctPlan {
  readonly index: number
  readonly source: Source
  readonly tileMs: number
  readonly keepMs: number
  readonly windows: readonly DistinctWindow[]
}

/** Three of the customer's numbers from `base`: how many values, valid from, exit at. */
export interface DistinctWindow {
  readonly plan: DistinctPlan
  readonly lengthMs: number
  readonly base: number
}

/** The oldest event of each tile, for `first` and `daysSince(first)` over a window. */
export interface FirstPlan {
  readonly index: number
  readonly source: Source
  readonly tileMs: number
  readonly keepMs: number
}

/** What an event of one type touches. */
export interface TypePlan {
  readonly sources: readonly Source[]
  readonly slots: readonly Slot[]
  readonly series: readonly SeriesPlan[]
  readonly distincts: readonly DistinctPlan[]
  readonly firsts: readonly FirstPlan[]
  /** Windows through which features read the type; null: never late. */
  readonly lateness: readonly WindowSpec[] | null
}

export interface Plan {
  readonly types: readonly string[]
  readonly byType: readonly TypePlan[]
  readonly sources: readonly Source[]
  readonly series: readonly SeriesPlan[]
  readonly windows: readonly RunningWindow[]
  readonly slots: readonly Slot[]
  /** Those that windows alone read. */
  readonly windowedSlots: readonly Slot[]
  readonly distincts: readonly DistinctPlan[]
  readonly distinctWindows: readonly DistinctWindow[]
  readonly firsts: readonly FirstPlan[]
  /** A customer's numbers before his first event. */
  readonly template: readonly number[]
  /** As many nulls as he has texts, and as there are series. */
  readonly noTexts: readonly null[]
  readonly noSeries: readonly null[]
  /** Length of the longest window, that of eligibility included. */
  readonly longestMs: number
}

/** Numbers that a column or slot of a kind takes. */
export const WIDTH: Readonly<Record<SlotKind, number>> = {
  newest: 1,
  oldest: 1,
  latest: 3,
  first: 3,
  count: 1,
  sum: 2,
  squares: 3,
  min: 1,
  max: 1,
}

/** Heads of a customer's numbers; slots and running windows stand behind them. */
export const HEAD = {
  /** Newest occurred_at; −Infinity without an event. */
  newest: 0,
  /** Before this instant nothing can be dropped. */
  pruneAt: 1,
  /** The windows hold from `from` (NaN: not made yet) until `exit`. */
  exit: 2,
  from: 3,
  /** What was brought to `readAt` (NaN: something has changed since) changes next at `next`. */
  readAt: 4,
  next: 5,
} as const

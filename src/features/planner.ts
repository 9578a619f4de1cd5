/** Builds a plan while the features are compiled: each asks for what it reads, twins share it. */
import type { EventSchemas } from '../events/schema-types.js'
import { fieldTypeOf, type FieldType } from './field-types.js'
import {
  WIDTH,
  type TileColumn,
  type ColumnKind,
  type DistinctPlan,
  type DistinctWindow,
  type FirstPlan,
  type Plan,
  type RunningColumn,
  type RunningWindow,
  type SeriesPlan,
  type Slot,
  type SlotKind,
  type Source,
  type TypePlan,
} from './plan.js'
import { canonicalJson } from './canonical-json.js'
import type { SourceSpec, WindowSpec } from './spec.js'

type Growing<T> = { -readonly [K in keyof T]: T[K] extends readonly (infer I)[] ? I[] : T[K] }
type GrowingSlot = Omit<Slot, 'windows'> & { windows: WindowSpec[] | null }

export class Planner {
  readonly types: readonly string[]
  private readonly sources = new Map<string, Source>()
  private readonly series = new Map<string, Growing<SeriesPlan>>()
  private readonly windows: Growing<RunningWindow>[] = []
  private readonly slots = new Map<string, GrowingSlot>()
  private readonly distincts = new Map<string, Growing<DistinctPlan>>()
  private readonly distinctWindows: DistinctWindow[] = []
  private readonly firsts = new Map<string, Growing<FirstPlan>>()
  private readonly lateness = new Map<number, WindowSpec[] | null>()
  private readonly template = [-Infinity, Infinity, Infinity, -Infinity, Number.NaN, Number.NaN]
  private textCount = 0
  private longestMs = 0

  constructor(private readonly schemas: EventSchemas) {
    this.types = Object.keys(schemas).sort()
  }

  /** The source of a spec; `presence` asks only whether there is a value. */
  source(spec: SourceSpec, presence: boolean): Source {
    const { event, where } = spec
    const fieldType = spec.field === null ? null : fieldTypeOf(this.schemas, event, spec.field)
    // A field that is never null is there exactly when the event is.
    const field = presence && fieldType?.nullable === false ? null : spec.field
    const key = canonicalJson([event, field, where])
    return shared(this.sources, key, (index) => ({
      index,
      type: this.types.indexOf(event),
      field,
      where,
      carries: carries(field === null ? null : fieldType),
      fieldType: field === null ? null : fieldType,
    }))
  }

  /** Notes that a feature reads the type; a null window is the whole history. */
  reads(spec: SourceSpec, window: WindowSpec | null): void {
    const type = this.types.indexOf(spec.event)
    const known = this.lateness.get(type)
    if (window === null || known === null) this.lateness.set(type, null)
    else this.lateness.set(type, [...(known ?? []), window])
    this.covers(window?.lengthMs ?? 0)
  }

  /** Notes that values change until `lengthMs` after an event. */
  covers(lengthMs: number): void {
    this.longestMs = Math.max(this.longestMs, lengthMs)
  }

  /** The window's running value of an aggregate: where it stands, and the window. */
  running(
    kind: ColumnKind,
    source: Source,
    spec: WindowSpec,
  ): { readonly window: RunningWindow; readonly column: RunningColumn } {
    const series = this.seriesOf(source.type, spec.tileMs)
    const column = this.columnOf(series, kind, source)
    const window = this.windowOf(series, spec.lengthMs)
    let running = window.columns.find(({ from }) => from === column.at)
    if (running === undefined) {
      const at = this.reserve(emptyOf(kind))
      const empty = emptyOf(kind)[0]
      running = { kind, source, from: column.at, at, width: WIDTH[kind], empty }
      window.columns.push(running)
    }
    return { window, column: running }
  }

  slot(kind: SlotKind, source: Source, window: WindowSpec | null): Slot {
    const slot = shared(this.slots, `${kind} ${source.index}`, (): GrowingSlot => {
      const at = this.reserve(emptyOf(kind))
      const carriesText = (kind === 'latest' || kind === 'first') && source.carries === 'text'
      return { kind, source, at, text: carriesText ? this.textCount++ : -1, windows: [] }
    })
    if (window === null || slot.windows === null) slot.windows = null
    else slot.windows.push(window)
    return slot
  }

  /** The window's count of distinct values; over the whole history without one. */
  distinct(source: Source, spec: WindowSpec | null): DistinctWindow {
    const tileMs = spec?.tileMs ?? 0
    const lengthMs = spec?.lengthMs ?? Infinity
    const plan = shared(this.distincts, `${source.index} ${tileMs}`, (index) => ({
      index,
      source,
      tileMs,
      keepMs: 0,
      windows: [],
    }))
    plan.keepMs = Math.max(plan.keepMs, lengthMs)
    const known = plan.windows.find((window) => window.lengthMs === lengthMs)
    if (known !== undefined) return known
    const window = { plan, lengthMs, base: this.reserve([0, Infinity, Infinity]) }
    plan.windows.push(window)
    this.distinctWindows.push(window)
    return window
  }

  firstIn(source: Source, { tileMs, lengthMs }: WindowSpec): FirstPlan {
    const plan = shared(this.firsts, `${source.index} ${tileMs}`, (index) => ({
      index,
      source,
      tileMs,
      keepMs: 0,
    }))
    plan.keepMs = Math.max(plan.keepMs, lengthMs)
    return plan
  }

  finish(): Plan {
    const sources = [...this.sources.values()]
    const series = [...this.series.values()]
    const slots = [...this.slots.values()]
    const distincts = [...this.distincts.values()]
    const firsts = [...this.firsts.values()]
    const byType = this.types.map((_, type): TypePlan => {
      const mine = ({ source }: { readonly source: Source }): boolean => source.type === type
      const lateness = this.lateness.get(type)
      return {
        sources: sources.filter((source) => source.type === type),
        slots: slots.filter(mine),
        series: series.filter((one) => one.type === type),
        distincts: distincts.filter(mine),
        firsts: firsts.filter(mine),
        lateness: lateness === undefined ? null : lateness,
      }
    })
    for (const one of series) one.emptyRow = emptyRowOf(one.columns)
    const { types, windows, distinctWindows, template, longestMs } = this
    const noTexts = Array.from({ length: this.textCount }, () => null)
    const noSeries = series.map(() => null)
    // The heads behind all values: most timers read values only, and cache lines are what they cost.
    for (const window of this.windows) window.base = this.reserve([0, -Infinity, Infinity])
    const windowedSlots = slots.filter((slot) => slot.windows !== null)
    const shared = { sources, series, windows, slots, windowedSlots }
    const lists = { byType, ...shared, distincts, distinctWindows, firsts }
    return { types, ...lists, template, noTexts, noSeries, longestMs }
  }

  private seriesOf(type: number, tileMs: number): Growing<SeriesPlan> {
    return shared(this.series, `${type} ${tileMs}`, (index) => ({
      index,
      type,
      tileMs,
      stride: 1,
      columns: [],
      windows: [],
      keepMs: 0,
      emptyRow: [],
      emptyRows: [],
    }))
  }

  private columnOf(series: Growing<SeriesPlan>, kind: ColumnKind, source: Source): TileColumn {
    const known = series.columns.find((one) => one.kind === kind && one.source === source)
    if (known !== undefined) return known
    const column = { kind, source, at: series.stride }
    series.stride += WIDTH[kind]
    series.columns.push(column)
    return column
  }

  private windowOf(series: Growing<SeriesPlan>, lengthMs: number): Growing<RunningWindow> {
    const known = this.windows.find(
      (window) => window.series === series && window.lengthMs === lengthMs,
    )
    if (known !== undefined) return known
    // `finish` places its head.
    const window: Growing<RunningWindow> = { series, lengthMs, base: -1, columns: [] }
    this.windows.push(window)
    series.windows.push(window)
    series.keepMs = Math.max(series.keepMs, lengthMs)
    return window
  }

  /** Room among the customer's numbers, with what stands there before any event. */
  reserve(values: readonly number[]): number {
    return this.template.push(...values) - values.length
  }
}

/** What a slot or a running column holds before any event. */
export function emptyOf(kind: SlotKind): number[] {
  switch (kind) {
    case 'newest':
      return [-Infinity]
    case 'oldest':
      return [Infinity]
    case 'latest':
      return [-Infinity, -1, Number.NaN]
    case 'first':
      return [Infinity, -1, Number.NaN]
    case 'min':
    case 'max':
      return [Number.NaN]
    case 'count':
    case 'sum':
    case 'squares':
      return Array.from({ length: WIDTH[kind] }, () => 0)
  }
}

function emptyRowOf(columns: readonly TileColumn[]): number[] {
  // The half makes it an array of doubles; all rows being such arrays, loops over them have one
  // shape, and the first sum in one changes nothing.
  const row = [0.5, ...columns.flatMap(({ kind }) => emptyOf(kind))]
  row[0] = 0
  return row
}

function carries(type: FieldType | null): Source['carries'] {
  if (type === null) return 'nothing'
  return type.kind === 'long' || type.kind === 'double' ? 'number' : 'text'
}

function shared<T>(map: Map<string, T>, key: string, make: (index: number) => T): T {
  const known = map.get(key)
  if (known !== undefined) return known
  const made = make(map.size)
  map.set(key, made)
  return made
}

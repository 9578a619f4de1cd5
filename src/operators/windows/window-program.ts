/**
 * A keyed aggregate over windows as the engine runs it.
 *
 * Owns what is kept of a key and which rows a commit owes it. Does not own when a commit closes.
 *
 * A1 What is kept is a function of the log: windows are opened, merged and dropped by the log clock,
 *    event by event, and no row that was told or not changes it.
 * A2 The end of a window is told once, by the first commit that may know: where an event of its key
 *    came behind the end, as owed to that event; else by its timer. The timer cursor says which of
 *    the two has been. Only an event that still gets into a told window (time has passed it, the log
 *    clock has not) makes it be told again.
 * A3 A function that throws changes nothing: accumulators are put in when all are made.
 */
import type { Column, FeatureRows } from '../../features/rows.js'
import { servedUntil } from '../../state/timers.js'
import { atOnce, OperatorFailed, type Valued } from '../events.js'
import type { Program, WindowRows } from '../program.js'
import type { NamedFold } from './fold.js'
import { KeyBytes } from './key-bytes.js'
import { type KeyState, keyStateCodec, Window } from './key-state.js'
import { type SessionKind, sessionsOf } from './session.js'
import type { SlidingKind } from './sliding.js'
import { floorTo, type WindowKind } from './window-kind.js'
import { addWindowRow, mergedTiles, type ToldWindow, windowedKey } from './window-row.js'

export interface WindowProgramOptions {
  readonly window: WindowKind
  readonly folds: readonly NamedFold[]
  /** Whether open windows are told too, by each commit that changed them. */
  readonly tellsOpen: boolean
}

export function windowProgram(options: WindowProgramOptions): Program<KeyState> {
  const { window: kind, folds } = options
  const addOptions = { ...options, bytes: new KeyBytes(folds) }
  const add = kind.kind === 'session' ? addToSessions : addToAligned
  return {
    columns: columnsOf(folds),
    codec: keyStateCodec,
    acceptedTypes: () => 0,
    judge: (clock, state, _type, { occurred_at: at }) => {
      if (at >= kind.lateBound(clock)) return 'accepted'
      if (kind.kind !== 'session') return 'late'
      const joined = sessionsOf(kind as SessionKind, state.windows, at, clock)
      return joined.length > 0 ? 'accepted' : 'late'
    },
    lateBound: (clock) => kind.lateBound(clock),
    update: (state, _type, body, offset, clock) => {
      add(state, body as Valued, offset, clock, addOptions)
      state.windowsChanged = true
    },
    read: () => {
      throw new Error('a key with windows is read window by window')
    },
    nextChange: (state, asOf) => {
      let next = Infinity
      for (const { end } of state.windows) {
        const closes = kind.closesAt(end)
        if (closes > asOf && closes < next) next = closes
      }
      return next
    },
    windows: kind.kind === 'sliding' ? slidingRows(kind as SlidingKind, folds) : rowsOf(options),
  }
}

interface AddOptions extends WindowProgramOptions {
  readonly bytes: KeyBytes
}

export function columnsOf(folds: readonly NamedFold[]): Column[] {
  return [
    { name: 'key', type: 'string' },
    { name: 'window_start', type: 'long' },
    { name: 'window_end', type: 'long' },
    ...folds.map(({ name, fold }) => ({ name, type: fold.type })),
  ]
}

function addToAligned(
  state: KeyState,
  event: Valued,
  offset: number,
  clock: number,
  { window: kind, folds, bytes }: AddOptions,
): void {
  const made: [window: Window, accumulators: unknown[], bytes: number][] = []
  for (const start of kind.startsOf(event.occurred_at)) {
    const end = start + kind.lengthMs
    if (kind.closesAt(end) <= clock) continue
    const window = windowAt(state.windows, start) ?? new Window(start, end, emptyOf(folds))
    const accumulators = added(folds, window.accumulators, event, offset)
    made.push([window, accumulators, bytes.of(accumulators)])
  }
  if (bytes.grow) {
    const total = made.reduce((sum, [, , weight]) => sum + weight, 0)
    const others = state.windows.filter((window) => made.every(([one]) => one !== window))
    bytes.check(total, others, ({ end }) => kind.closesAt(end) > clock)
  }
  dropClosed(state, clock, kind)
  for (const [window, accumulators, weight] of made) {
    window.accumulators = accumulators
    window.bytes = weight
    if (!window.touched && windowAt(state.windows, window.start) === null) insert(state, window)
    window.touched = true
  }
}

function addToSessions(
  state: KeyState,
  event: Valued,
  offset: number,
  clock: number,
  { window, folds, bytes }: AddOptions,
): void {
  const kind = window as SessionKind
  const at = event.occurred_at
  const joined = sessionsOf(kind, state.windows, at, clock).map((place) => state.windows[place])
  let start = at
  let end = at + kind.gapMs
  let accumulators = emptyOf(folds)
  for (const [i, session] of joined.entries()) {
    start = Math.min(start, session.start)
    end = Math.max(end, session.end)
    accumulators =
      i === 0 ? session.accumulators : merged(folds, accumulators, session.accumulators)
  }
  const session = new Window(start, end, added(folds, accumulators, event, offset))
  session.bytes = bytes.of(session.accumulators)
  const others = state.windows.filter((window) => !joined.includes(window))
  if (bytes.grow) bytes.check(session.bytes, others, ({ end }) => kind.closesAt(end) > clock)
  session.touched = true
  state.windows = others
  dropClosed(state, clock, kind)
  insert(state, session)
}

/** What the log clock has closed is owed (A2), and kept no longer. */
function dropClosed(state: KeyState, clock: number, { closesAt, kind }: WindowKind): void {
  const { windows } = state
  let dropped = 0
  for (const window of windows) {
    if (closesAt(window.end) > clock) continue
    dropped++
    if (kind !== 'sliding') state.owed.push(window)
  }
  if (dropped > 0) state.windows = windows.filter(({ end }) => closesAt(end) > clock)
}

/** The newest first: nearly all events are in it. */
function windowAt(windows: readonly Window[], start: number): Window | null {
  for (let i = windows.length - 1; i >= 0; i--) {
    if (windows[i].start === start) return windows[i]
    if (windows[i].start < start) return null
  }
  return null
}

function insert(state: KeyState, window: Window): void {
  let place = state.windows.length
  while (place > 0 && state.windows[place - 1].start > window.start) place--
  state.windows.splice(place, 0, window)
}

const emptyOf = (folds: readonly NamedFold[]): unknown[] => folds.map(({ fold }) => fold.create())

function added(
  folds: readonly NamedFold[],
  accumulators: readonly unknown[],
  { value, customer_id: key, occurred_at: occurredAt }: Valued,
  offset: number,
): unknown[] {
  const at = { key, occurredAt, offset }
  return folds.map(({ name, fold }, i) => guarded(name, () => fold.add(accumulators[i], value, at)))
}

function merged(
  folds: readonly NamedFold[],
  earlier: readonly unknown[],
  later: readonly unknown[],
): unknown[] {
  return folds.map(({ name, fold }, i) => guarded(name, () => fold.merge(earlier[i], later[i])))
}

function guarded<T>(name: string, call: () => T): T {
  try {
    return atOnce(call())
  } catch (cause) {
    throw new OperatorFailed(`aggregate.${name}`, cause)
  }
}

type Told = Pick<ToldWindow, 'cause' | 'isFinal'>

const open: Told = { cause: 'event', isFinal: false }
const closedByEvent: Told = { cause: 'event', isFinal: true }
const closedByTime: Told = { cause: 'time', isFinal: true }

function rowsOf({
  window: { closesAt },
  folds,
  tellsOpen,
}: WindowProgramOptions): WindowRows<KeyState> {
  const tell = (key: string, window: Window, how: Told, rows: FeatureRows): void => {
    const { start, end } = window
    const name = end === Infinity ? key : windowedKey(key, start)
    const validUntil = how.isFinal ? Infinity : closesAt(end)
    const { accumulators } = window
    addWindowRow(rows, { name, key, start, end, accumulators, validUntil, ...how }, folds)
  }
  return {
    touched: (key, state, served, asOf, rows) => {
      const until = servedUntil(served, key)
      for (const window of state.owed) {
        if (window.touched || closesAt(window.end) > until) tell(key, window, closedByEvent, rows)
      }
      for (const window of state.windows) {
        if (!window.touched) continue
        const closes = closesAt(window.end)
        if (closes <= until) tell(key, window, closedByEvent, rows)
        // What closes by now is told by its timer, in this commit or the next ones.
        else if (tellsOpen && closes > asOf) tell(key, window, open, rows)
      }
      settle(state)
      return until
    },
    closed: (key, state, due, _asOf, rows) => {
      for (const window of state.windows) {
        if (closesAt(window.end) === due) tell(key, window, closedByTime, rows)
      }
      return due
    },
    settle,
  }
}

function settle(state: KeyState): void {
  state.owed = []
  for (const window of state.windows) window.touched = false
}

/** One row of a key: all tiles that are inside at `asOf`. */
function slidingRows(kind: SlidingKind, folds: readonly NamedFold[]): WindowRows<KeyState> {
  const [lengthMs, tileMs] = kind.parameters
  type Cause = ToldWindow['cause']
  const tell = (
    key: string,
    state: KeyState,
    asOf: number,
    rows: FeatureRows,
    cause: Cause,
  ): void => {
    const start = floorTo(asOf - lengthMs, tileMs)
    let accumulators: unknown[] | null = null
    let validUntil = Infinity
    for (const tile of state.windows) {
      if (tile.start < start) continue
      validUntil = Math.min(validUntil, kind.closesAt(tile.end))
      accumulators =
        accumulators === null
          ? tile.accumulators
          : mergedTiles(folds, accumulators, tile.accumulators)
    }
    const isFinal = accumulators === null
    accumulators ??= emptyOf(folds)
    const place = { name: key, key, start, end: asOf, cause }
    addWindowRow(rows, { ...place, accumulators, isFinal, validUntil }, folds)
  }
  return {
    touched: (key, state, _served, asOf, rows) => {
      tell(key, state, asOf, rows, 'event')
      settle(state)
      return asOf
    },
    closed: (key, state, _due, asOf, rows) => {
      tell(key, state, asOf, rows, 'time')
      return asOf
    },
    settle,
  }
}

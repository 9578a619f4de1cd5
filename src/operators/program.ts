import type { EventBody } from '../events/event.js'
import type { CustomerState, FeatureEngine, Verdict } from '../features/engine.js'
import type { Column, FeatureRows } from '../features/rows.js'
import type { StateCodec } from '../state/codec.js'
import type { TimerCursor } from '../state/timers.js'

/**
 * What a topology keeps for each customer and how: pure functions over one state object. The
 * feature engine is one; a hand-written aggregate is another.
 */
export interface Program<S> {
  readonly columns: readonly Column[]
  readonly codec: StateCodec<S>
  /** Bit t is set where an event of type t was accepted. */
  acceptedTypes(state: S): number
  /** In log order, with the log clock that the event itself has advanced. */
  judge(clock: number, state: S, type: number, body: EventBody): Verdict
  /** An event of the type that occurred before this instant is late. */
  lateBound(clock: number, type: number): number
  update(state: S, type: number, body: EventBody, offset: number, keepFrom: number): void
  /** Fills in a row: values, validUntil, retired, eligible. */
  read(state: S, asOf: number, rows: FeatureRows, row: number): void
  /** When a timer is due: the first change by time alone after `asOf`; Infinity: none any more. */
  nextChange(state: S, asOf: number): number
  /** Whether a customer has rows; without it everybody who has state does. */
  seen?(state: S): boolean
  /** Where a key has windows, each with rows of its own; else it has one row, by `read`. */
  readonly windows?: WindowRows<S>
}

/** The rows of a key that has several windows. Each answers up to where its timers are served. */
export interface WindowRows<S> {
  /** Adds what is owed to a key that events touched; `served` by earlier commits. */
  touched(key: string, state: S, served: TimerCursor, asOf: number, rows: FeatureRows): number
  /** Adds what changes by time alone at `due`, which is the key's earliest unserved instant. */
  closed(key: string, state: S, due: number, asOf: number, rows: FeatureRows): number
  /** Forgets what was owed: the log has it. */
  settle(state: S): void
}

/** The program of a feature declaration. */
export function featureProgram(engine: FeatureEngine): Program<CustomerState> {
  return {
    columns: engine.columns,
    codec: engine.codec,
    acceptedTypes: (state) => state.judged.acceptedTypes,
    judge: (clock, state, type, body) => engine.judge(clock, state.judged, type, body),
    lateBound: (clock, type) => engine.lateBound(clock, type),
    update: (state, type, body, offset, keepFrom) =>
      engine.update(state.aggregates, type, body, offset, keepFrom),
    read: (state, asOf, rows, row) => engine.read(state.aggregates, asOf, rows, row),
    nextChange: (state, asOf) => engine.nextChange(state.aggregates, asOf),
    seen: (state) => engine.seen(state.aggregates),
  }
}

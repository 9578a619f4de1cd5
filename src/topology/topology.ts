/**
 * A topology of one's own, declared: events, operators, a keyed aggregate over windows.
 *
 * Nothing runs here. `startTopology` (src/embedded) runs it, `verifyTopology` (src/replay) derives
 * again what it told.
 */
import { createHash } from 'node:crypto'
import type { Observable } from 'rxjs'
import { configurationError } from '../errors.js'
import type { EventCodec } from '../events/event.js'
import type { JsonCodec, JsonEvent, JsonSchemas } from '../events/json-codec.js'
import type { RowLayout } from '../events/output-rows.js'
import { canonicalJson } from '../features/canonical-json.js'
import type { Column } from '../features/rows.js'
import type { At, Events } from '../operators/events.js'
import { type Flow, flowOf } from '../operators/flow.js'
import type { Program } from '../operators/program.js'
import { type Folds, foldsOf, type NamedFold } from '../operators/windows/fold.js'
import type { KeyState } from '../operators/windows/key-state.js'
import type { WindowKind } from '../operators/windows/window-kind.js'
import { columnsOf, windowProgram } from '../operators/windows/window-program.js'

/** A fold over `V`, whatever it accumulates. */
interface AnyFold<V> {
  readonly type: Column['type']
  create(): unknown
  add(accumulator: never, value: V, at: At): unknown
  merge(earlier: never, later: never): unknown
  result(accumulator: never): number | string | null
}

export interface WindowAggregate<V, F extends Readonly<Record<string, AnyFold<V>>>> {
  readonly window: WindowKind
  /** The values of a window by the names of their columns. */
  readonly values: (fold: Folds<V>) => F
  /**
   * `closed`: a window is told once, when it has closed. `changed`: also, while it is open, by each
   * commit that changed it; sessions are not, for an open one may still become another.
   * `always` and `sliding` windows do not close: they are told as they change.
   *
   * @default closed
   */
  readonly tell?: 'closed' | 'changed'
}

/** A row as it was told. */
export type WindowRow<F> = {
  readonly key: string
  /** ms UTC; the window is `[start, end)`. */
  readonly start: number
  /** null: the window never ends. */
  readonly end: number | null
  /** Whether the window has closed; of a sliding window, whether there is nothing in it. */
  readonly isFinal: boolean
  /** The instant at which the row was read, ms UTC. */
  readonly asOf: number
  readonly commit: number
  readonly values: { readonly [N in keyof F]: ResultOf<F[N]> | null }
}

type ResultOf<T> = T extends { result(accumulator: never): infer R } ? R : never

export interface TopologySpec<
  S extends JsonSchemas,
  V,
  F extends Readonly<Record<string, AnyFold<V>>>,
> {
  /** The prefix of its topics. */
  readonly name: string
  /**
   * Count it up where functions of operators or folds change: their code cannot be looked into, and
   * a state of other functions would be refused only by this. @default 1
   */
  readonly version?: number
  readonly events: JsonCodec<S>
  /** Stateless operators and joins, piped. They run on batches, and must not wait. */
  readonly operators: (events$: Observable<Events<JsonEvent<S>>>) => Observable<Events<V>>
  readonly aggregate: WindowAggregate<V, F>
}

/** A topology as the engine sees it. */
export interface CompiledTopology {
  readonly name: string
  readonly codec: EventCodec
  readonly program: Program<KeyState>
  readonly flow: Flow
  readonly layout: RowLayout
}

export interface Topology<S extends JsonSchemas, F> extends CompiledTopology {
  readonly codec: JsonCodec<S>
  /** For the compiler alone. */
  readonly rowType?: WindowRow<F>
}

/**
 * Declares a topology.
 *
 * @throws `TOPOLOGY_INVALID` (exit 78)
 * @example
 * const words = topology({
 *   name: 'words',
 *   events: jsonEvents({ line: { text: 'string' } }),
 *   operators: (lines$) =>
 *     lines$.pipe(
 *       flatMap('split', (line) => line.text.split(' ')),
 *       keyBy('word', (word) => word),
 *     ),
 *   aggregate: { window: always(), values: (fold) => ({ count: fold.count() }) },
 * })
 */
export function topology<S extends JsonSchemas, V, F extends Readonly<Record<string, AnyFold<V>>>>(
  spec: TopologySpec<S, V, F>,
): Topology<S, F> {
  const { name, version = 1, events, operators, aggregate } = spec
  const { window, values, tell = 'closed' } = aggregate
  if (!/^[a-z][a-z0-9_-]*$/.test(name)) {
    throw invalid(`name ${JSON.stringify(name)}: due are lower-case letters, digits, _ and -`)
  }
  const folds = Object.entries(values(foldsOf<V>())).map(([name, fold]) => ({
    name,
    fold,
  })) as unknown as NamedFold[]
  for (const { name } of folds) {
    const isTaken = ['key', 'window_start', 'window_end'].includes(name)
    if (isTaken || !/^[A-Za-z_][A-Za-z0-9_]*$/.test(name))
      throw invalid(`value ${name}: no name for a column`)
  }
  if (window.kind === 'session' && tell === 'changed') {
    throw invalid('sessions are told once they have closed: an open one may still become another')
  }
  const tellsOpen = tell === 'changed' || window.kind === 'always'
  const columns = columnsOf(folds)
  const { kind, parameters } = window
  const declaration = { name, version, kind, parameters: parameters.map(String), tell, columns }
  const schemas = { events: events.schemas, semantics: 1 }
  const appHash = createHash('sha256')
    .update(canonicalJson({ ...declaration, ...schemas }))
    .digest('hex')
  return {
    name,
    codec: events,
    program: windowProgram({ window, folds, tellsOpen }),
    flow: flowOf(operators),
    layout: {
      app: name,
      featureSet: `${name}/${version}`,
      appHash,
      columns,
      ids: { features: 1, scores: 2 },
      scored: false,
    },
  }
}

const invalid = (text: string) => configurationError('TOPOLOGY_INVALID', `topology: ${text}`)

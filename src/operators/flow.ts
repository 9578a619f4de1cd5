/**
 * Where the operators of a topology of one's own run: between decoding and aggregating.
 *
 * Owns the order of decisions there: key → partition → rules → future check → log clock → operators.
 * So an operator sees valid events only, and what it drops or refuses has moved the clock all the
 * same. Does not own what operators do.
 *
 * W1 One batch is under way at a time, from its validation to the closing of its commit: the clock
 *    and the tables run ahead of no commit.
 * W2 Operators answer a batch at once, with one batch: nothing in them waits.
 */
import { concatMap, from, type Observable, of, type OperatorFunction, Subject } from 'rxjs'
import { configurationError } from '../errors.js'
import type { Overlay } from '../state/overlay.js'
import type { Timers } from '../state/timers.js'
import type { Batch, Item } from './batch.js'
import { type Events, Valued } from './events.js'
import { loadBatch } from './load.js'
import type { Progress } from './progress.js'
import { isReservedKey, reservedKey, tableKey, Tables, tablesHead } from './tables.js'
import type { KeyState } from './windows/key-state.js'
import { moveLogTime, validateItem, type ValidateOptions } from './validate.js'

export interface Flow {
  readonly operators: (events$: Observable<Events<never>>) => Observable<Events<unknown>>
  /** Whether any of them joins, so that the rows of the records' keys must be at hand. */
  readonly joins: boolean
}

export interface FlowOptions extends ValidateOptions {
  readonly flow: Flow
  readonly timersMax: number
}

export function flow<S>(
  overlay: Overlay<S>,
  timers: Timers,
  progress: Progress,
  options: FlowOptions,
): OperatorFunction<Batch<S>, Batch<S>> {
  const run = runOf<S>(options.flow)
  const { joins } = options.flow
  return concatMap((batch) => {
    for (const item of batch.items) validate(item, progress, options)
    const tables = joins ? loadTables(batch, overlay) : null
    const operate = (): Batch<S> | Promise<Batch<S>> => {
      const operated = run(joins ? withTables(batch, overlay) : batch)
      const loading = loadBatch(operated, overlay, timers, progress, options.timersMax)
      return loading === null ? operated : loading.then(() => operated)
    }
    const operated = tables === null ? operate() : tables.then(operate)
    return operated instanceof Promise ? from(operated) : of(operated)
  })
}

function validate<S>(item: Item<S>, progress: Progress, options: ValidateOptions): void {
  moveLogTime(item, progress)
  validateItem(item, progress, options, 0)
  item.clock = progress.logClock
  if (item.outcome !== 'valid') return
  if (isReservedKey(item.customer)) return item.refuse(reservedKey)
  const body = item.body!
  item.body = new Valued(body.event_id, item.customer, body.occurred_at, body)
}

function loadTables<S>(batch: Batch<S>, overlay: Overlay<S>): Promise<void> | null {
  overlay.evict()
  const missing = new Set<string>(overlay.entry(tablesHead) === null ? [tablesHead] : [])
  for (const item of batch.items) {
    if (!hasTable(item)) continue
    const key = tableKey(item.customer)
    if (overlay.entry(key) === null) missing.add(key)
  }
  return missing.size === 0 ? null : overlay.fetch([...missing], 'event')
}

function withTables<S>(batch: Batch<S>, overlay: Overlay<S>): Batch<S> {
  for (const item of batch.items) {
    if (hasTable(item)) item.table = overlay.entry(tableKey(item.customer))
  }
  const tables = new Tables(overlay as Overlay<KeyState>)
  return { ...batch, tables }
}

const hasTable = ({ outcome }: Item<unknown>): boolean =>
  outcome === 'valid' || outcome === 'erasure'

/** The operators as a function that keeps W2. */
function runOf<S>({ operators }: Flow): (batch: Batch<S>) => Batch<S> {
  const input$ = new Subject<Events<never>>()
  let answers: Batch<S>[] = []
  let failure: { readonly error: unknown } | null = null
  operators(input$).subscribe({
    next: (batch) => answers.push(batch as Batch<S>),
    error: (error: unknown) => (failure = { error }),
  })
  return (batch) => {
    answers = []
    input$.next(batch)
    if (failure !== null) throw failure.error
    if (answers.length === 1) return answers[0]
    const text = `operators answer a batch at once with one batch; ${answers.length} came`
    throw configurationError('TOPOLOGY_INVALID', text)
  }
}

/**
 * The flow of a topology's operators, tried with a batch of nothing.
 *
 * @throws `TOPOLOGY_INVALID` (exit 78) where they do not answer it with one batch at once, or two
 *   joins have one name
 */
export function flowOf(operators: Flow['operators']): Flow {
  const named = new Set<string>()
  const use = (table: string): void => {
    if (named.has(table))
      throw configurationError('TOPOLOGY_INVALID', `two joins are called ${table}`)
    named.add(table)
  }
  const tables = { use } as unknown as Tables
  const nothing = { records: [], items: [], bytes: 0, endOffset: 0, tables }
  runOf({ operators, joins: true })({ ...nothing, tick: null, atEnd: false })
  return { operators, joins: named.size > 0 }
}

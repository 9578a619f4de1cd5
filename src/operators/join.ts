import { map, type OperatorFunction } from 'rxjs'
import type { Item } from './batch.js'
import {
  type At,
  atOf,
  atOnce,
  derived,
  eachEvent,
  type Events,
  refused,
  withItems,
} from './events.js'

/** Rows of a table, from some of the events of the same topic and partition. */
export interface Table<V, T extends V, R> {
  /** The events that are rows of the table; they flow no further. */
  readonly when: (value: V) => value is T
  /** The row of the event's record key from now on; null takes it away. JSON, to 65,536 characters. */
  readonly row: (value: T) => R | null
  /** Rows in a partition; one more is a reject `TABLE_FULL`. @default 1,000,000 */
  readonly rowsMax?: number
}

/**
 * Lookup join: gives each event the newest row of a table, as it was at the event's place in the log
 * (null: none), and makes a value of both.
 *
 * The table's key is the record's own, whatever `keyBy` made of it: nothing is repartitioned, so no
 * other key is sure to have its rows where its events are. Rows are state as all other: durable,
 * replayed, and not bound to memory. A row beyond its bounds is a reject, and the older one stays.
 * Each join has a table of its own, called by its `operator`: two of one name are refused.
 *
 * @example
 * const table = { when: (e: Shop) => e.type === 'profile', row: (e: Profile) => e.country }
 * events$.pipe(join('country', table, (order, country) => ({ ...order, country })))
 */
export function join<V, T extends V, R, W>(
  operator: string,
  table: Table<V, T, R>,
  make: (value: Exclude<V, T>, row: R | null, at: At) => W,
): OperatorFunction<Events<V>, Events<W>> {
  const rowsMax = table.rowsMax ?? 1_000_000
  return map((batch) => {
    const tables = batch.tables!
    tables.use(operator)
    const items: Item<unknown>[] = []
    const one = (item: Item<unknown>): void =>
      eachEvent(operator, [item], items, (_, { value }) => {
        const event = value as V
        const isRow: boolean = table.when(event)
        if (atOnce(isRow)) {
          const refusal = tables.put(item.table!, operator, atOnce(table.row(event as T)), rowsMax)
          if (refusal !== null) items.push(refused(item, refusal))
          return
        }
        const row = tables.row(item.table!, operator) as R | null
        const made = atOnce(make(event as Exclude<V, T>, row, atOf(item)))
        items.push(derived(item, item.customer, made))
      })
    for (const item of batch.items) {
      if (item.outcome === 'erasure' && item.table !== null) tables.erase(item.table)
      one(item)
    }
    return withItems<W>(batch, items)
  })
}

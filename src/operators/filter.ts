import { map, type OperatorFunction } from 'rxjs'
import type { Item } from './batch.js'
import { type At, atOf, atOnce, eachEvent, type Events } from './events.js'

/**
 * Keeps the events that a condition holds of; the others have moved the log clock and are gone.
 *
 * @example events$.pipe(filter('failed', (payment) => payment.status === 'failed'))
 */
export function filter<V, W extends V>(
  operator: string,
  keep: (value: V, at: At) => value is W,
): OperatorFunction<Events<V>, Events<W>>
export function filter<V>(
  operator: string,
  keep: (value: V, at: At) => boolean,
): OperatorFunction<Events<V>, Events<V>>
export function filter<V>(
  operator: string,
  keep: (value: V, at: At) => boolean,
): OperatorFunction<Events<V>, Events<V>> {
  return map((batch) => {
    const items: Item<unknown>[] = []
    eachEvent(operator, batch.items, items, (item, { value }) => {
      if (atOnce(keep(value as V, atOf(item)))) items.push(item)
    })
    return { ...batch, items }
  })
}

import { map as mapBatches, type OperatorFunction } from 'rxjs'
import type { Item } from './batch.js'
import { type At, atOf, atOnce, derived, eachEvent, type Events, withItems } from './events.js'

/**
 * Makes of each event's value another one; key and instant stay. A function that throws makes its
 * event a reject `OPERATOR_FAILED` that names the operator.
 *
 * @example events$.pipe(map('cents', (payment) => Math.round(payment.amount * 100)))
 */
export function map<V, W>(
  operator: string,
  make: (value: V, at: At) => W,
): OperatorFunction<Events<V>, Events<W>> {
  return mapBatches((batch) => {
    const items: Item<unknown>[] = []
    eachEvent(operator, batch.items, items, (item, { value }) => {
      items.push(derived(item, item.customer, atOnce(make(value as V, atOf(item)))))
    })
    return withItems<W>(batch, items)
  })
}

import { map, type OperatorFunction } from 'rxjs'
import type { Item } from './batch.js'
import { type At, atOf, atOnce, derived, eachEvent, type Events, withItems } from './events.js'

/**
 * Makes of each event any number of events, all of its key and instant, in the order given. Where
 * the function throws, none of them comes about.
 *
 * @example lines$.pipe(flatMap('words', (line) => line.text.split(' ')))
 */
export function flatMap<V, W>(
  operator: string,
  make: (value: V, at: At) => Iterable<W>,
): OperatorFunction<Events<V>, Events<W>> {
  return map((batch) => {
    const items: Item<unknown>[] = []
    eachEvent(operator, batch.items, items, (item, { value }) => {
      for (const made of atOnce(make(value as V, atOf(item)))) {
        items.push(derived(item, item.customer, atOnce(made)))
      }
    })
    return withItems<W>(batch, items)
  })
}

import { map, type Observable, zip } from 'rxjs'
import type { Item } from './batch.js'
import { derived, type Events, type Valued } from './events.js'

/**
 * Brings streams of one source together again, in the order of the log; of one record, in the order
 * of the arguments. An event that is in several of them comes several times.
 *
 * @example const all$ = merge(failed$.pipe(map('loss', lossOf)), paid$.pipe(map('gain', gainOf)))
 */
export function merge<Streams extends readonly Observable<Events<unknown>>[]>(
  ...streams: Streams
): Observable<Events<ValueIn<Streams[number]>>> {
  return zip(...streams).pipe(
    map((batches) => {
      const [first] = batches
      const items = inOrder(batches.map((batch) => batch.items))
      return { ...first, items } as Events<ValueIn<Streams[number]>>
    }),
  )
}

type ValueIn<S> = S extends Observable<Events<infer V>> ? V : never

function inOrder(lists: readonly (readonly Item<unknown>[])[]): Item<unknown>[] {
  const merged = lists.flat().sort((a, b) => a.record.offset - b.record.offset)
  const seen = new Set<Item<unknown>>()
  const items: Item<unknown>[] = []
  for (const item of merged) {
    if (!seen.has(item)) {
      seen.add(item)
      items.push(item)
      // A reject and an erasure are told once, and an event has an outcome of its own each time.
    } else if (item.outcome === 'valid') {
      items.push(derived(item, item.customer, (item.body as Valued).value))
    }
  }
  return items
}

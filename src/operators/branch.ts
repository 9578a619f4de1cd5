import { map, type Observable, share } from 'rxjs'
import type { Item } from './batch.js'
import { type At, atOf, atOnce, eachEvent, type Events } from './events.js'

/**
 * Parts a stream in two: the events that a condition holds of, and the others. Each event goes one
 * way only; what was refused before goes the first.
 *
 * @example const [failed$, paid$] = branch('failed', payments$, (payment) => payment.failed)
 */
export function branch<V, W extends V>(
  operator: string,
  events$: Observable<Events<V>>,
  holds: (value: V, at: At) => value is W,
): [Observable<Events<W>>, Observable<Events<Exclude<V, W>>>]
export function branch<V>(
  operator: string,
  events$: Observable<Events<V>>,
  holds: (value: V, at: At) => boolean,
): [Observable<Events<V>>, Observable<Events<V>>]
export function branch<V>(
  operator: string,
  events$: Observable<Events<V>>,
  holds: (value: V, at: At) => boolean,
): [Observable<Events<V>>, Observable<Events<V>>] {
  const parted$ = events$.pipe(
    map((batch) => {
      const first: Item<unknown>[] = []
      const second: Item<unknown>[] = []
      eachEvent(operator, batch.items, first, (item, { value }) => {
        const side = atOnce(holds(value as V, atOf(item))) ? first : second
        side.push(item)
      })
      return [
        { ...batch, items: first },
        { ...batch, items: second },
      ] as const
    }),
    // Both sides see one parting: a function that throws refuses its event once.
    share(),
  )
  return [parted$.pipe(map(([first]) => first)), parted$.pipe(map(([, second]) => second))]
}

import { map, type OperatorFunction } from 'rxjs'
import { keyText } from '../events/key.js'
import type { Item } from './batch.js'
import { isReservedKey, reservedKey } from './tables.js'
import { type At, atOf, atOnce, derived, eachEvent, type Events, refused } from './events.js'

/**
 * Gives each event the key by which what follows aggregates. The event stays in its record's
 * partition: with several partitions a key other than the record's has a row in each of them.
 *
 * A key has 1 to 256 bytes of UTF-8; another one is a reject, `KEY_MISSING` or `KEY_TOO_LONG`.
 *
 * @example words$.pipe(keyBy('word', (word) => word))
 */
export function keyBy<V>(
  operator: string,
  keyOf: (value: V, at: At) => string,
): OperatorFunction<Events<V>, Events<V>> {
  return map((batch) => {
    const items: Item<unknown>[] = []
    eachEvent(operator, batch.items, items, (item, { value }) => {
      const key = keyText(Buffer.from(atOnce(keyOf(value as V, atOf(item))), 'utf8'))
      if (typeof key === 'string' && isReservedKey(key)) items.push(refused(item, reservedKey))
      else if (typeof key === 'string') items.push(derived(item, key, value))
      else items.push(refused(item, { ...key, reason: `operator ${operator}: ${key.reason}` }))
    })
    return { ...batch, items }
  })
}

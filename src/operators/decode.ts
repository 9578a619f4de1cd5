import { concatMap, from, map, of, type OperatorFunction } from 'rxjs'
import { type EventCodec, isReject } from '../events/event.js'
import { keyText } from '../events/key.js'
import { type Batch, Item } from './batch.js'

/** Records of one partition as their source hands them over. */
export type RecordBatch = Omit<Batch<never>, 'items'>

/**
 * Turns bytes into events; what cannot be read becomes a reject in its place. A batch with a schema
 * that was never met waits until somebody has said what it is: nothing is refused unasked.
 */
export function decode<S>(codec: EventCodec): OperatorFunction<RecordBatch, Batch<S>> {
  return concatMap((batch) => {
    const learning = codec.learn?.(batch.records) ?? null
    if (learning === null) return of(decodeBatch<S>(batch, codec))
    return from(learning).pipe(map(() => decodeBatch<S>(batch, codec)))
  })
}

function decodeBatch<S>(batch: RecordBatch, codec: EventCodec): Batch<S> {
  const items = batch.records.map((record) => {
    const item = new Item<S>(record)
    decodeItem(item, codec)
    return item
  })
  return { ...batch, items }
}

/** The first two decisions on a record: decode, then key. */
export function decodeItem(item: Item<unknown>, codec: EventCodec): void {
  const { key, value } = item.record
  if (value !== null) {
    const decoded = codec.decode(value)
    if (isReject(decoded)) return item.refuse(decoded)
    item.type = decoded.type
    item.body = decoded.body
    item.schemaId = decoded.schemaId
  }
  const customer = keyText(key)
  if (typeof customer !== 'string') return item.refuse(customer)
  item.customer = customer
  if (item.body !== null && item.body.customer_id !== customer) {
    const reason = 'the customer_id of the event is not the key of its record'
    item.refuse({ code: 'KEY_MISMATCH', reason, field: '/customer_id' })
  }
}

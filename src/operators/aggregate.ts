import { map, type OperatorFunction } from 'rxjs'
import { failpoint } from '../failpoint.js'
import type { Batch } from './batch.js'
import type { Program } from './program.js'

/**
 * Adds the accepted events of a batch to their customers' state. Tiles that no window can reach
 * from the event's log clock on are dropped, so what is kept does not depend on batch borders.
 */
export function aggregate<S>(program: Program<S>): OperatorFunction<Batch<S>, Batch<S>> {
  return map((batch) => {
    // The batch is judged, and none of it is in the sums yet.
    failpoint('engine.mid-batch')
    for (const item of batch.items) {
      if (item.outcome !== 'accepted') continue
      const { state, type, body, record, clock } = item
      program.update(state!, type, body!, record.offset, clock)
    }
    return batch
  })
}

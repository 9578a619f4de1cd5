import type { EventRules } from '../events/event.js'
import { partitionOf } from '../events/partition.js'
import type { Item } from './batch.js'
import type { Progress } from './progress.js'

/** An event may be this far ahead of its record's timestamp. */
export const futureMsMax = 300_000

export interface ValidateOptions {
  readonly rules: EventRules
  readonly partition: number
  readonly partitions: number
}

/**
 * The decisions between key and judging: partition, rules, future check, and the log clock, which
 * only a valid event moves. Log time moves with every record.
 *
 * `acceptedTypes` is what the judge knows of the customer from lower offsets.
 */
export function validateItem(
  item: Item<unknown>,
  progress: Progress,
  options: ValidateOptions,
  acceptedTypes: number,
): void {
  const { record, body } = item
  if (item.outcome !== 'pending') return
  if (options.partitions > 1) {
    const due = partitionOf(record.key!, options.partitions)
    if (due !== options.partition) {
      const reason =
        `the key belongs to partition ${due}, the record lies in ${options.partition}; ` +
        'a producer on librdkafka needs partitioner=murmur2_random'
      return item.refuse({ code: 'WRONG_PARTITION', reason })
    }
  }
  if (body === null) {
    item.outcome = 'erasure'
    return
  }
  const broken = options.rules.check(item.type, body, acceptedTypes, progress.flags)
  if (broken !== null) return item.refuse(broken)
  if (body.occurred_at > record.timestamp + futureMsMax) {
    const ahead = body.occurred_at - record.timestamp
    const reason = `occurred_at is ${ahead} ms ahead of the record's timestamp`
    return item.refuse({ code: 'EVENT_IN_FUTURE', reason, field: '/occurred_at' })
  }
  item.outcome = 'valid'
  if (body.occurred_at >= progress.logClock) progress.logClock = body.occurred_at + 1
}

/** Log time: the running maximum of record timestamps, rejects and erasures included. */
export function moveLogTime(item: Item<unknown>, progress: Progress): void {
  if (item.record.timestamp > progress.logTime) progress.logTime = item.record.timestamp
}

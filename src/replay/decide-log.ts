/** The first pass of a replay: decides all records of a topic and spills what can be visible. */
import type { App } from '../features/app.js'
import type { EventLog } from '../log/log.js'
import type { Buckets } from './buckets.js'
import { Decider } from './decide.js'
import { spillEvent } from './history.js'
import { readPartition } from './read-log.js'

export interface DecidedLog {
  readonly records: number
  /** Valid events that are no duplicates: those that a replay may see. */
  readonly events: number
  /** Timestamp of the first record, ms UTC; Infinity in an empty log. */
  readonly begins: number
  /** The largest log clock of the topic, ms UTC; 0 before the first valid event. */
  readonly clock: number
}

export interface DecideOptions {
  readonly app: Pick<App, 'name' | 'codec' | 'rules' | 'engine'>
  readonly log: EventLog
  /** The events. */
  readonly topic: string
  readonly endOffsets: readonly number[]
  /** Inclusive, by partition. @default where the log begins */
  readonly origins?: readonly number[] | undefined
  readonly signal?: AbortSignal | undefined
}

export async function decideLog(
  options: DecideOptions,
  buckets: Buckets,
  onRecords: (records: number) => void,
): Promise<DecidedLog> {
  const { app, log, topic, endOffsets, origins } = options
  let records = 0
  let events = 0
  let begins = Infinity
  let clock = 0
  for (const [partition, endOffset] of endOffsets.entries()) {
    const erasures = await log.erasures(topic, partition, endOffset)
    const decider = new Decider(app, erasures, { partition, partitions: endOffsets.length })
    let first = true
    for await (const portion of readPartition(
      log,
      topic,
      partition,
      endOffset,
      origins?.[partition],
    )) {
      options.signal?.throwIfAborted()
      if (first) begins = Math.min(begins, portion[0].timestamp)
      first = false
      await app.codec.learn?.(portion)
      for (const record of portion) {
        const decided = decider.decide(record)
        const { outcome } = decided.item
        if (!decided.visible || (outcome !== 'accepted' && outcome !== 'late')) continue
        spillEvent(buckets, partition, decided)
        events++
      }
      records += portion.length
      onRecords(records)
    }
    clock = Math.max(clock, decider.progress.logClock)
  }
  return { records, events, begins, clock }
}

/** Where prefixes of the input begin, and whether the log still reaches back to there. */
import { configurationError } from '../errors.js'
import type { EventLog, Topics } from '../log/log.js'
import type { Position } from '../operators/position.js'

/**
 * The offset at which the app first started on a partition; where it never did, the log's start.
 *
 * @throws TidemarkError HISTORY_LOST (78) where records from there on have been deleted
 * @example
 * const origin = await originOf(log, topics, 0)
 * for await (const records of readPartition(log, topics.events, 0, end, origin)) { … }
 */
export async function originOf(
  log: EventLog,
  { events, changelog }: Pick<Topics, 'events' | 'changelog'>,
  partition: number,
): Promise<number> {
  const start = await log.startOffset(events, partition)
  const last = await log.last(changelog, partition)
  if (last === null) return start
  const { origin = 0 } = JSON.parse(last.value!.toString('utf8')) as Position
  if (start <= origin) return origin
  const text = `${events} partition ${partition}: offsets ${origin} to ${start - 1} have been deleted`
  const advice = 'nothing that was emitted can be derived again without them'
  throw configurationError('HISTORY_LOST', `${text}; ${advice}, and no archive has them`)
}

/** `originOf` all partitions. */
export async function originsOf(
  log: EventLog,
  topics: Pick<Topics, 'events' | 'changelog'>,
): Promise<number[]> {
  const origins: number[] = []
  for (let partition = 0; partition < log.partitions(topics.events); partition++) {
    origins.push(await originOf(log, topics, partition))
  }
  return origins
}

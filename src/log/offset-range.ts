import type { EventLog } from './log.js'

/** Offsets from `start` to `end`, which is exclusive. */
export interface OffsetRange {
  readonly start: number
  readonly end: number
}

/** What the log has of a partition; both ends are asked for at once. */
export async function offsetRange(
  log: EventLog,
  topic: string,
  partition: number,
): Promise<OffsetRange> {
  const [start, end] = await Promise.all([
    log.startOffset(topic, partition),
    log.endOffset(topic, partition),
  ])
  return { start, end }
}

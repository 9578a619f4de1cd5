import type { OutputEnds } from '../operators/deliver.js'
import type { Position } from '../operators/position.js'
import { committedPosition } from './committed-position.js'
import { outputEnds } from './follow-snapshots.js'
import type { TopologyParts } from './parts.js'

/** What an opening has to know of the log; nobody else adds to any of it behind the fence. */
export interface Found {
  readonly committed: Position | null
  readonly ends: OutputEnds
  /** Where the input begins, and where the log keeps the state. */
  readonly start: number
  readonly stateStart: number | null
}

/** All at once: after a crash the machine is busy, and each answer waits for its turn. */
export async function lookUp<S>(parts: TopologyParts<S>, partition: number): Promise<Found> {
  const { log, topics } = parts
  const [committed, ends, start, stateStart] = await Promise.all([
    committedPosition(parts, partition),
    outputEnds(log, topics, partition),
    log.startOffset(topics.events, partition),
    parts.logsState ? log.startOffset(topics.state, partition) : null,
  ])
  return { committed, ends, start, stateStart }
}

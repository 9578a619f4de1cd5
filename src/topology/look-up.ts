/** What an opening of a partition takes and learns from the log, before it looks at the store. */
import { exitCode, TidemarkError } from '../errors.js'
import { failpoint } from '../failpoint.js'
import { type OffsetRange, offsetRange } from '../log/offset-range.js'
import type { OutputEnds } from '../operators/deliver.js'
import type { Position } from '../operators/position.js'
import { committedPosition } from './committed-position.js'
import { outputEnds } from './follow-snapshots.js'
import type { TopologyParts } from './parts.js'

/** The writer of a partition's outputs: whoever has it owns the partition. */
export const writerOf = (partition: number): string => `task-${partition}`

/** What an opening has to know of the log; nobody else adds to any of it behind the fence. */
export interface Found {
  readonly committed: Position | null
  readonly ends: OutputEnds
  /** Where the input begins. */
  readonly start: number
  /** What the log has of the state; null: it does not keep it. */
  readonly state: OffsetRange | null
}

/** Takes the partition from whoever had it, and answers how he left it. */
export async function fenceAndLookUp<S>(
  parts: TopologyParts<S>,
  partition: number,
  doubted: string | null,
): Promise<Found> {
  // First of all: a commit that is still on its way must not land behind what is read now.
  await parts.log.fence(writerOf(partition))
  failpoint('engine.after-fence')
  const looking = lookUp(parts, partition)
  // Who is not asked any more need not understand what has been committed since.
  looking.catch(() => undefined)
  if ((await parts.isAsked?.()) === false) throw notAsked(partition)
  const found = await looking
  if (doubted !== null) {
    const outcome = found.committed?.commitId === doubted ? 'is' : 'is not'
    parts.note(`commit ${doubted}, whose outcome was unknown, ${outcome} in the log`)
  }
  return found
}

/** All at once: after a crash the machine is busy, and each answer waits for its turn. */
async function lookUp<S>(parts: TopologyParts<S>, partition: number): Promise<Found> {
  const { log, topics } = parts
  const [committed, ends, start, state] = await Promise.all([
    committedPosition(parts, partition),
    outputEnds(log, topics, partition),
    log.startOffset(topics.events, partition),
    parts.logsState ? offsetRange(log, topics.state, partition) : null,
  ])
  return { committed, ends, start, state }
}

/** Whoever runs the process lets it go on as what is asked for by now. */
function notAsked(partition: number): TidemarkError {
  const text = `partition ${partition} is not opened: another generation is asked for by now`
  return new TidemarkError('GENERATION_CHANGED', text, { exit: exitCode.tryAgain, retry: 'now' })
}

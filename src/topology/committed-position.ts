import { configurationError } from '../errors.js'
import { generationOf } from '../operators/generation.js'
import { assertSameInput, type Position } from '../operators/position.js'
import type { TopologyParts } from './parts.js'

/**
 * The last position record of the partition's changelog; null before the first commit.
 *
 * @throws TidemarkError STATE_OF_ANOTHER_APP, LOG_CHANGED (78)
 */
export async function committedPosition<S>(
  parts: Pick<TopologyParts<S>, 'log' | 'topics' | 'layout' | 'generation'>,
  partition: number,
): Promise<Position | null> {
  const record = await parts.log.last(parts.topics.changelog, partition)
  if (record === null) return null
  const position = JSON.parse(record.value!.toString('utf8')) as Position
  const number = generationOf(position)
  const { number: asked, appHashes } = parts.generation ?? { number: 1, appHashes: null }
  const due = number === asked ? parts.layout.appHash : appHashes?.get(number)
  if (position.appHash !== due) {
    const text = `partition ${partition} was committed by app hash ${position.appHash}`
    throw configurationError('STATE_OF_ANOTHER_APP', `${text}, not ${due ?? parts.layout.appHash}`)
  }
  assertSameInput(position, parts.log, parts.topics.events)
  return position
}

/** Raises `STATE_NOT_LOGGED` (78). */
export function assertLogged(partition: number, { state }: Position): void {
  if (state !== undefined) return
  const text = `partition ${partition} was committed without its state in the log`
  const advice = "load the events into another app's topics"
  throw configurationError('STATE_NOT_LOGGED', `${text}; ${advice}`)
}

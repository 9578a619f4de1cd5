/** What the log says of which generation is in force. */
import { setTimeout as pause } from 'node:timers/promises'
import { configurationError } from '../errors.js'
import { type EventLog, topicsOf } from '../log/log.js'
import { generationOf } from '../operators/generation.js'
import type { Position } from '../operators/position.js'

const askAgainMs = 100

/** The last position of each partition; null where nothing has been committed. */
export async function lastPositions(log: EventLog, app: string): Promise<(Position | null)[]> {
  const { changelog, events } = topicsOf(app)
  const found: (Position | null)[] = []
  for (let partition = 0; partition < log.partitions(events); partition++) {
    const record = await log.last(changelog, partition)
    found.push(record && (JSON.parse(record.value!.toString('utf8')) as Position))
  }
  return found
}

/**
 * Confirms that nothing says that there ever was a second generation.
 *
 * @throws TidemarkError GENERATIONS_UNLISTED (78)
 */
export function assertFirst(positions: readonly (Position | null)[], topic: string): void {
  const later = positions.find((one) => one !== null && generationOf(one) > 1)
  if (later === null || later === undefined) return
  const text = `the last commit is of generation ${generationOf(later)}, and topic ${topic} lists none`
  throw configurationError('GENERATIONS_UNLISTED', `${text}: restore the topic`)
}

export interface AwaitTakenOptions {
  /** How long to wait for a further partition. */
  readonly quietMs: number
  /** Asked before each pause: false ends the waiting, and so does what it throws. */
  readonly isComing: () => Promise<boolean>
  readonly stop: AbortSignal
}

/**
 * Waits until the last commit of each partition that has any is of the generation, as long as
 * further ones become so. Answers the partitions that are not.
 */
export async function awaitTaken(
  log: EventLog,
  app: string,
  number: number,
  { quietMs, isComing, stop }: AwaitTakenOptions,
): Promise<number[]> {
  let count = Infinity
  for (let untilMs = 0; ; await pause(askAgainMs)) {
    stop.throwIfAborted()
    const positions = await lastPositions(log, app)
    const left = positions.flatMap((one, partition) =>
      one === null || generationOf(one) === number ? [] : [partition],
    )
    if (left.length < count) untilMs = performance.now() + quietMs
    count = left.length
    if (count === 0 || performance.now() >= untilMs || !(await isComing())) return left
  }
}

/** Resolves when the last commit of each partition that has any is of the generation. */
export async function awaitGeneration(
  log: EventLog,
  app: string,
  number: number,
  stop: AbortSignal,
): Promise<void> {
  for (;;) {
    const positions = await lastPositions(log, app)
    if (positions.every((one) => one === null || generationOf(one) === number)) return
    await pause(askAgainMs)
    stop.throwIfAborted()
  }
}

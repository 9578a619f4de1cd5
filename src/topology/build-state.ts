/**
 * Builds the state of a generation beside the one in force: the input once more through the live
 * operators, with outputs off.
 *
 * B1 The store never holds what has not been committed, so that whoever opens it next goes on.
 * B2 A build that is killed goes on where its store was last written; where the log keeps the state,
 *    where that was (`logged-state.ts`).
 * B3 Where the log keeps the state, nobody else commits in a generation that is built: one that was
 *    asked for before may be running somewhere, so its partitions are taken from whoever has them.
 */
import { TidemarkError } from '../errors.js'
import type { Position } from '../operators/position.js'
import { Progress } from '../operators/progress.js'
import { parseStored } from '../state/proof.js'
import { openOverlay } from '../state/restore.js'
import type { Store } from '../state/store.js'
import { Timers } from '../state/timers.js'
import { assertBehind } from './check-store.js'
import {
  type FollowOptions,
  followInput,
  type FollowParts,
  positionReached,
} from './follow-input.js'
import { openLogged } from './logged-state.js'
import { committedPosition } from './committed-position.js'
import { writerOf } from './look-up.js'
import type { TopologyParts } from './parts.js'
import { takesOver } from './take-over.js'

/** So near to what is committed the rest is left to whoever opens the partition. */
const nearOffsets = 10_000

export type BuildParts<S> = FollowParts<S> &
  Pick<TopologyParts<S>, 'home' | 'note' | 'generation' | 'logsState'>

export interface BuildOptions {
  /** Told of the offset that the store has reached, and of the end of what is committed. */
  readonly reached: (offset: number, end: number) => void
  readonly pauseMs?: FollowOptions<unknown>['pauseMs']
  /** Whether it was asked for before (B3). */
  readonly isKnown?: boolean
  readonly stop: AbortSignal
}

/**
 * Builds, or goes on building, the state of a partition up to about its last commit.
 *
 * @throws TidemarkError STOPPED, `STATE_OF_ANOTHER_APP`, and what log and store throw
 */
export async function buildState<S>(
  parts: BuildParts<S>,
  partition: number,
  options: BuildOptions,
): Promise<void> {
  if (parts.logsState === true && options.isKnown === true) {
    await parts.log.fence(writerOf(partition))
  }
  const committed = await committedPosition(parts, partition)
  if (committed === null || !takesOver(parts.generation, committed)) return
  try {
    await build(parts, partition, committed, options)
  } catch (error) {
    if (!(error instanceof TidemarkError) || error.code !== 'STORE_DAMAGED') throw error
    const aside = await parts.home.setAside(partition, error.message)
    parts.note(`store of partition ${partition} set aside as ${aside}: ${error.message}`)
    await build(parts, partition, committed, options)
  }
}

async function build<S>(
  parts: BuildParts<S>,
  partition: number,
  first: Position,
  options: BuildOptions,
): Promise<void> {
  const { appHash } = parts.layout
  const home = await parts.home.open(partition)
  try {
    const store = await openStore(parts, partition, home, options)
    const state = await openState(parts, partition, store, first)
    const { pauseMs, stop } = options
    options.reached(state.progress.endOffset, first.endOffset)
    const pace = pauseMs === undefined ? {} : { pauseMs }
    for (let committed = first; ;) {
      const flusher = await followInput(parts, state, {
        partition,
        committed,
        arm: () => undefined,
        followed: () => options.reached(state.progress.endOffset, committed.endOffset),
        ...pace,
        stop,
      })
      await flusher.last(positionReached(committed, state.progress, appHash))
      const now = (await committedPosition(parts, partition))!
      if (now.endOffset - committed.endOffset < nearOffsets) return
      committed = now
    }
  } finally {
    await home.close()
  }
}

async function openStore<S>(
  parts: BuildParts<S>,
  partition: number,
  home: Store,
  { stop }: BuildOptions,
): Promise<Store> {
  if (parts.logsState !== true) return home
  const place = { partition, generation: parts.generation!.number }
  return openLogged(parts, place, home, { restoring: () => undefined, stop })
}

async function openState<S>(
  { program, settings, layout, log, topics }: BuildParts<S>,
  partition: number,
  store: Store,
  committed: Position,
) {
  const stored = parseStored<Position>(await store.position())?.position ?? null
  assertBehind(partition, stored, committed, layout.appHash)
  const { hotBytesMax } = settings
  const { overlay } = await openOverlay(store, program.codec, { hotBytesMax }, () => undefined)
  const start = committed.origin ?? (await log.startOffset(topics.events, partition))
  return { overlay, timers: new Timers(), progress: new Progress(stored, start), stored }
}

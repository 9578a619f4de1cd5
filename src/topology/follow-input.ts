/**
 * Replays the input into a store with outputs off: what a store behind the log needs, and how the
 * state of a new generation is built beside the one in force.
 *
 * F1 It stops exactly at the end offset of a committed position: what the store holds was committed.
 * F2 The store is written now and then on the way, so that a crash loses seconds and no more.
 */
import { lastValueFrom, map, tap } from 'rxjs'
import { exitCode, TidemarkError } from '../errors.js'
import { failpoint } from '../failpoint.js'
import type { Batch } from '../operators/batch.js'
import { decode } from '../operators/decode.js'
import type { Position } from '../operators/position.js'
import type { Progress } from '../operators/progress.js'
import { updateState } from '../operators/update-state.js'
import type { Overlay } from '../state/overlay.js'
import type { Timers } from '../state/timers.js'
import { Credits } from './credits.js'
import { drive } from './drive.js'
import { Flusher } from './flusher.js'
import type { TopologyParts } from './parts.js'
import type { RestoreProgress } from './status.js'

/** What of a topology the input is followed by. */
export type FollowParts<S> = Pick<
  TopologyParts<S>,
  'program' | 'flow' | 'codec' | 'rules' | 'layout' | 'log' | 'topics' | 'settings'
>

/** The state that follows. */
export interface FollowedState<S> {
  readonly overlay: Overlay<S>
  readonly timers: Timers
  readonly progress: Progress
  readonly stored: Position | null
}

export interface FollowOptions<S> {
  readonly partition: number
  /** The committed position whose end offset is where following ends. */
  readonly committed: Position
  /** Told of each customer whom an event touched. */
  readonly arm: (customer: string, state: S) => void
  readonly followed: (progress: RestoreProgress) => void
  /** How long to wait before more than these records are read, in ms; without it not at all. */
  readonly pauseMs?: (records: number) => number
  readonly stop: AbortSignal
}

/**
 * Follows the input from where `progress` is; answers the flusher, whose store may lag behind.
 *
 * @throws TidemarkError STOPPED where it was told to stop before the end
 */
export async function followInput<S>(
  parts: FollowParts<S>,
  state: FollowedState<S>,
  options: FollowOptions<S>,
): Promise<Flusher<S>> {
  const { log, topics, settings, program, rules, flow } = parts
  const { overlay, progress, timers } = state
  const { partition, committed, stop } = options
  const flusher = new Flusher(overlay, settings, state.stored)
  const from = progress.endOffset
  const until = committed.endOffset
  if (from === until) return flusher
  const reader = log.reader(topics.events, partition, from)
  const credits = new Credits(settings.batchRecordsMax * 4)
  const batchRecordsMax = () => settings.batchRecordsMax
  const never = { pending: () => false, lowWatermark: () => null, idle: () => undefined }
  const partitions = log.partitions(topics.events)
  const give = (records: number): void => {
    const pauseMs = options.pauseMs?.(records) ?? 0
    if (pauseMs > 0) setTimeout(() => credits.give(records), pauseMs)
    else credits.give(records)
  }
  const driven = { ...settings, ...never, batchRecordsMax, from, until, stop }
  const followed = drive(reader, credits, driven).pipe(
    map((batch) => ({ ...batch, tick: null })),
    decode<S>(parts.codec),
    updateState(
      { overlay, timers, progress },
      { program, flow, rules, partition, partitions, timersMax: 0 },
    ),
    tap((batch) => {
      rearm(batch, options.arm)
      const reached = positionReached(committed, progress, parts.layout.appHash)
      flusher.closed(reached)
      flusher.delivered(reached)
      give(batch.records.length)
      options.followed({ done: progress.endOffset - from, total: until - from })
      failpoint('engine.in-restore')
    }),
  )
  try {
    await lastValueFrom(followed, { defaultValue: null })
    await flusher.settled()
  } finally {
    await reader.close()
  }
  if (stop.aborted && progress.endOffset < until) throw stoppedError()
  return flusher
}

/** A store that follows holds a prefix of what is committed. */
export function positionReached(
  committed: Position,
  progress: Progress,
  appHash: string,
): Position {
  const { endOffset, logClock, logTime } = progress
  return { ...committed, appHash, endOffset, logClock, logTime, counts: progress.countsNow() }
}

/** Told to stop before the partition was open: no failure, and nothing to go on from. */
export function stoppedError(): TidemarkError {
  return new TidemarkError('STOPPED', 'told to stop while restoring', { exit: exitCode.ok })
}

function rearm<S>(batch: Batch<S>, arm: (customer: string, state: S) => void): void {
  for (const item of batch.items) {
    if (item.outcome === 'accepted') arm(item.customer, item.entry!.state)
    if (item.outcome === 'erasure') arm(item.customer, item.entry!.state)
  }
}

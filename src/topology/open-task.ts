/**
 * Opens one partition at the last commit of the log, whatever state the store is in.
 *
 * Owns recovery: a store that is behind follows the state where the log keeps it
 * (`restore-state.ts`), else the input with outputs off; one that is damaged, or ahead of the log, is
 * set aside (never deleted) and made again.
 *
 * R1 The task starts at exactly the position that the log holds.
 * R2 A crash never wipes state: only damage sets a store aside.
 * R3 What the store reaches by following the input must agree with the committed position.
 * R4 Whether a commit in doubt took place is read from the log: its id is that of the last position
 *    record, or it did not (C3).
 * R5 Which generation is asked for is looked at behind the fence: who commits next runs that one.
 */
import { configurationError, ioError, TidemarkError } from '../errors.js'
import { failpoint } from '../failpoint.js'
import type { OutputEnds } from '../operators/deliver.js'
import { generationOf, owesRescore } from '../operators/generation.js'
import type { Position } from '../operators/position.js'
import { Progress } from '../operators/progress.js'
import type { Overlay } from '../state/overlay.js'
import { parseStored } from '../state/proof.js'
import { openOverlay } from '../state/restore.js'
import type { Store } from '../state/store.js'
import { servedUntil, Timers } from '../state/timers.js'
import { assertBehind, checkAgreement, isAhead } from './check-store.js'
import { assertLogged } from './committed-position.js'
import type { Flusher } from './flusher.js'
import { followInput, positionReached, stoppedError } from './follow-input.js'
import { fenceAndLookUp, type Found } from './look-up.js'
import { type LoggedStore, noteLeft, openLogged } from './logged-state.js'
import type { TopologyParts } from './parts.js'
import { followState } from './restore-state.js'
import type { RestoreProgress } from './status.js'
import { restated, spanOf, takesOver } from './take-over.js'

/** A partition that is ready to go on. */
export interface OpenTask<S> {
  readonly store: Store
  readonly overlay: Overlay<S>
  readonly timers: Timers
  readonly progress: Progress
  /**
   * The position that the log holds, where the task goes on; null before the first commit. Where
   * this generation takes over, the one before's as this one would have written it.
   */
  readonly committed: Position | null
  /** The position that the store holds; null: it holds nothing. */
  readonly stored: Position | null
  /** Where the log keeps the state: how far the store has followed it; else null. */
  readonly stateOffset: number | null
  /** Where the outputs of all commits end. */
  readonly ends: OutputEnds
}

export interface OpenOptions {
  /** Why the store must be set aside before it is opened; null: it need not. */
  readonly damaged: string | null
  /** Id of the commit whose outcome is unknown; null: there is none. */
  readonly doubted: string | null
  restoring(progress: RestoreProgress | null): void
  /** Told of each store that is set aside. */
  setAside(): void
  readonly stop: AbortSignal
}

/** Throws `STATE_OF_ANOTHER_APP`, or what the store or the log cannot do. */
export async function openTask<S>(
  parts: TopologyParts<S>,
  partition: number,
  options: OpenOptions,
): Promise<OpenTask<S>> {
  // The disk is read while the log answers.
  const opening = options.damaged === null ? parts.home.open(partition) : null
  opening?.catch(() => undefined)
  const found = await fenceAndLookUp(parts, partition, options.doubted).catch(
    async (error: unknown) => {
      await opening?.then((store) => store.close()).catch(() => undefined)
      throw error
    },
  )
  let reason = options.damaged ?? ''
  if (opening !== null) {
    try {
      return await openAt(parts, partition, await opening, found, options)
    } catch (error) {
      if (!isDamage(error)) throw error
      reason = error.message
    }
  }
  // Once an opening: each leaves a copy of the store.
  const aside = await parts.home.setAside(partition, reason)
  parts.note(`store of partition ${partition} set aside as ${aside}: ${reason}`)
  options.setAside()
  failpoint('engine.after-set-aside')
  return openAt(parts, partition, await parts.home.open(partition), found, options)
}

async function openAt<S>(
  parts: TopologyParts<S>,
  partition: number,
  home: Store,
  { committed, ends, start, state }: Found,
  options: OpenOptions,
): Promise<OpenTask<S>> {
  const { settings, log, topics, layout } = parts
  const timers = new Timers()
  const arm = armer(parts, committed, timers)
  try {
    const logged = await takeState(parts, partition, home, committed, options)
    const store = logged ?? home
    const isAnew =
      logged?.isAnew ?? (await restore(parts, partition, store, { committed, state }, options))
    const hotBytesMax = settings.hotBytesMax / log.partitions(topics.events)
    const opened = await openOverlay<S, Position>(
      store,
      parts.program.codec,
      { hotBytesMax },
      arm,
    ).catch((error: unknown) => {
      throw isAnew && isDamage(error) ? disagreeing(partition, error) : error
    })
    const stored = opened.position
    assertBehind(partition, stored, committed, layout.appHash)
    const progress = new Progress(stored, committed?.origin ?? start)
    // Nothing of a new store's state is in the log yet.
    const stateOffset = opened.followed?.stateOffset ?? state?.start ?? null
    const { overlay } = opened
    const task = { store, overlay, timers, progress, stored, stateOffset, ends }
    if (committed === null) {
      progress.generation = spanOf(parts.generation, null)
      return { ...task, committed }
    }
    const flusher = await follow(parts, partition, task, committed, arm, options)
    const from = taken(parts, partition, task, committed)
    const reached = positionReached(committed, progress, layout.appHash)
    const held = logged === null ? {} : await madeWhole(logged, flusher, reached)
    progress.adopt(from)
    if (start > progress.endOffset) passLost(parts, partition, progress, start)
    return { ...task, ...held, committed: from }
  } catch (error) {
    await home.close()
    throw error
  }
}

/**
 * Where this generation takes over and the log keeps the state: takes its state over from whoever
 * built it, to make it whole before the first commit, and notes how that of the one before is left.
 */
async function takeState<S>(
  parts: TopologyParts<S>,
  partition: number,
  store: Store,
  committed: Position | null,
  options: OpenOptions,
): Promise<LoggedStore | null> {
  const { generation } = parts
  if (parts.logsState !== true || committed === null) return null
  if (!takesOver(generation, committed)) return null
  assertLogged(partition, committed)
  const { number } = generation!
  const logged = await openLogged(parts, { partition, generation: number }, store, options).catch(
    (error: unknown) => {
      throw options.stop.aborted ? stoppedError() : error
    },
  )
  await noteLeft(parts, { partition, generation: generationOf(committed) }, committed)
  return logged
}

/** What was followed goes to the log's state too: from here on the commits write it. */
async function madeWhole<S>(
  logged: LoggedStore,
  flusher: Flusher<S>,
  reached: Position,
): Promise<Pick<OpenTask<S>, 'stored' | 'stateOffset'>> {
  await flusher.last(reached)
  return { stored: reached, stateOffset: logged.settle() }
}

/** Answers whether all of the store came from the log just now. */
async function restore<S>(
  parts: TopologyParts<S>,
  partition: number,
  store: Store,
  { committed, state }: Pick<Found, 'committed' | 'state'>,
  options: OpenOptions,
): Promise<boolean> {
  if (state === null || committed === null) return false
  assertLogged(partition, committed)
  const stored = parseStored<Position>(await store.position())
  // What is ahead is told below, as everywhere.
  if (stored !== null && isAhead(stored.position, committed)) return false
  if (options.stop.aborted) throw stoppedError()
  return followState(parts, partition, store, committed, options, state).catch((error: unknown) => {
    throw options.stop.aborted ? stoppedError() : error
  })
}

function isDamage(error: unknown): error is TidemarkError {
  return error instanceof TidemarkError && error.code === 'STORE_DAMAGED'
}

/** Making it again would end alike. */
function disagreeing(partition: number, cause: unknown): TidemarkError {
  const text = `the state of partition ${partition} in the log does not add up to what was committed`
  const advice = 'restore the log from a backup, or run the version that wrote it'
  return ioError('RESTORE_DISAGREES', `${text}: ${(cause as Error).message}; ${advice}`, cause)
}

/** Arms the timers of a customer as the committed cursor left them. */
function armer<S>(
  { program, generation }: TopologyParts<S>,
  committed: Position | null,
  timers: Timers,
): (customer: string, state: S) => void {
  const span = spanOf(generation, committed)
  const before = { instant: (span?.sinceAsOf ?? 0) - 1, customer: null }
  const served = committed?.timers ?? { instant: 0, customer: null }
  const cursor = takesOver(generation, committed) ? before : served
  return (customer, state) => {
    program.windows?.settle(state)
    const owes = owesRescore(span, cursor, customer) && program.seen?.(state) !== false
    const changes = () => program.nextChange(state, servedUntil(cursor, customer))
    timers.arm(customer, owes ? span!.sinceAsOf : changes())
  }
}

async function follow<S>(
  parts: TopologyParts<S>,
  partition: number,
  task: Omit<OpenTask<S>, 'committed'>,
  committed: Position,
  arm: (customer: string, state: S) => void,
  options: OpenOptions,
): Promise<Flusher<S>> {
  const followed = (progress: RestoreProgress) => options.restoring(progress)
  try {
    return await followInput(parts, task, {
      partition,
      committed,
      arm,
      stop: options.stop,
      followed,
    })
  } finally {
    options.restoring(null)
  }
}

/** The position to go on from, with which the state agrees that followed the input up to there. */
function taken<S>(
  parts: TopologyParts<S>,
  partition: number,
  { progress, stored }: Omit<OpenTask<S>, 'committed'>,
  committed: Position,
): Position {
  const { generation, layout } = parts
  if (!takesOver(generation, committed)) {
    checkAgreement(partition, progress, committed, stored === null)
    return committed
  }
  // Another declaration may find other events valid: what it makes of the clock is its own.
  const { logClock } = progress
  checkAgreement(partition, progress, { ...committed, logClock }, stored === null)
  const span = spanOf(generation, committed)!
  const which = `generation ${span.number} takes over from ${generationOf(committed)}`
  parts.note(`partition ${partition}: ${which} at commit ${span.sinceCommit}`)
  failpoint('engine.in-take-over')
  return restated(committed, span, progress, layout.appHash)
}

/** The log has deleted what comes next: to go on behind it is allowed, or not. */
function passLost<S>(
  parts: TopologyParts<S>,
  partition: number,
  progress: Progress,
  start: number,
): void {
  const { topics, settings } = parts
  const range = `offsets ${progress.endOffset} to ${start - 1}`
  const text = `${topics.events} partition ${partition}: ${range} were deleted before they were read`
  if (settings.lostRange === 'fail') throw configurationError('LOG_RANGE_LOST', text)
  parts.note(`${text}; going on at offset ${start}`)
  progress.lose(start)
}

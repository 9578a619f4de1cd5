/**
 * One partition, running: the operators piped behind its source, and what happens when the world
 * fails.
 *
 * Owns the order commit → snapshots → store → credit, and recovery. Does not own any part's work.
 *
 * T1 An error of the world unsubscribes everything; opening again at the last commit is recovery.
 * T2 The snapshots and the store follow only what the log holds, each in commit order.
 * T3 A stop finishes what is in flight: the open commit closes, is delivered, and is flushed. Who
 *    waits for the partition elsewhere waits for the delivery.
 */
import {
  concatMap,
  defer,
  EMPTY,
  finalize,
  from,
  fromEvent,
  ignoreElements,
  lastValueFrom,
  merge,
  type Observable,
  race,
  retry,
  Subject,
  takeUntil,
  tap,
  timer,
} from 'rxjs'
import { TidemarkError } from '../errors.js'
import type { LogReader } from '../log/log.js'
import { decode } from '../operators/decode.js'
import { deliver, type DeliveredCommit } from '../operators/deliver.js'
import { gather } from '../operators/gather.js'
import type { Position } from '../operators/position.js'
import { score } from '../operators/score.js'
import { updateState } from '../operators/update-state.js'
import { deliverEarly } from './deliver-early.js'
import { drive } from './drive.js'
import { followSnapshots } from './follow-snapshots.js'
import { writerOf } from './look-up.js'
import { openTask, type OpenTask } from './open-task.js'
import type { TopologyParts } from './parts.js'
import { Recovery } from './recovery.js'
import { type Doubt, Running, type TaskOptions } from './running-task.js'
import { scrub } from './scrub.js'

/** Runs until `stop`, through every failure that passes; errors with the one that does not. */
export function runTask<S>(parts: TopologyParts<S>, options: TaskOptions): Observable<never> {
  const { gauge, partition, stop } = options
  const recovery = new Recovery(partition, parts.settings, (text) => parts.note(text))
  const doubt: Doubt = { commitId: null }
  return defer(async () => {
    // Also after each failure: who was fenced must not take the writer back from its new owner.
    if (!(await options.claim())) return
    const task = await openTask(parts, partition, {
      damaged: recovery.damaged,
      doubted: doubt.commitId,
      restoring: gauge.restoring.bind(gauge),
      setAside: gauge.setAside.bind(gauge),
      stop,
    })
    recovery.opened()
    doubt.commitId = null
    await runOpen(parts, task, options, doubt)
  }).pipe(
    retry({
      delay: (error: unknown) => {
        gauge.closed()
        if (error instanceof TidemarkError && error.code === 'STOPPED') return EMPTY
        const pauseMs = recovery.failed(error)
        if (error instanceof TidemarkError) gauge.failed(error.code)
        if (doubt.commitId !== null) gauge.aborted(doubt.commitId)
        // A stop waits for no pause that grew.
        const dueMs = stop.aborted ? parts.settings.retryAfterMs : pauseMs
        return race(timer(dueMs), fromEvent(stop, 'abort'))
      },
    }),
    ignoreElements(),
  )
}

async function runOpen<S>(
  parts: TopologyParts<S>,
  task: OpenTask<S>,
  options: TaskOptions,
  doubt: Doubt,
): Promise<void> {
  const running = new Running(parts, task, options, doubt)
  const reader = parts.log.reader(parts.topics.events, options.partition, task.progress.endOffset)
  const { gauge } = options
  const proved = () => gauge.proved(parts.settings.wallClock())
  gauge.opened(task)
  proved()
  const following = letSnapshotsFollow(running)
  following.catch(() => undefined)
  try {
    const ended = new Subject<void>()
    const commits = pipeline(running, reader).pipe(
      concatMap(async (commit) => {
        await following
        await running.delivered(commit)
      }),
      finalize(() => ended.next()),
    )
    const scrubs = scrub(task.store, parts.settings, proved).pipe(takeUntil(ended))
    const followed = from(following).pipe(ignoreElements())
    // The scrub first, for commits that end at once must end it too.
    await lastValueFrom(merge(scrubs, followed, commits), { defaultValue: undefined })
    options.freed()
    await running.end()
  } finally {
    await Promise.allSettled([following, running.writing, running.flusher.settled()])
    await reader.close()
    await task.store.close()
  }
}

/** The engine goes on meanwhile: what it commits reaches them behind what was before (T2). */
async function letSnapshotsFollow<S>(running: Running<S>): Promise<void> {
  const { parts, task, options } = running
  const { committed, ends } = task
  if (committed !== null) await followSnapshots(parts, options.partition, committed, ends)
  running.isFollowed = true
}

/** The topology itself. */
function pipeline<S>(running: Running<S>, reader: LogReader): Observable<DeliveredCommit<S>> {
  const { parts, task, options } = running
  const { settings, log, topics, program, rules, flow } = parts
  const { overlay, timers, progress } = task
  const { partition } = options
  const partitions = log.partitions(topics.events)
  const speed = log.timeBase.kind === 'virtual' ? log.timeBase.speed : 1
  const source = drive(reader, running.credits, {
    ...settings,
    batchRecordsMax: () => Math.min(settings.batchRecordsMax, running.pace.recordsMax),
    lagAllowanceMs: settings.lagAllowanceMs * speed,
    from: progress.endOffset,
    until: null,
    pending: running.pending,
    lowWatermark: () => parts.lowWatermark(),
    idle: () => {
      const isIdle = running.closedMs.length === 0 && running.loading === 0
      if (isIdle && running.isFollowed) options.idle()
    },
    stop: options.stop,
  })
  return source.pipe(
    tap(() => running.loading++),
    decode<S>(parts.codec),
    updateState(
      { overlay, timers, progress },
      { program, flow, rules, partition, partitions, timersMax: settings.timersPerCommitMax },
    ),
    tap(() => running.loading--),
    gather(
      { program, overlay, timers, progress },
      {
        ...settings,
        recordsMax: () => running.pace.recordsMax,
        bytesMax: settings.commitBytesMax,
        rowBytes: () => running.rowBytes,
        ageMsMax: settings.commitAgeMsMax,
        timersMax: settings.timersPerCommitMax,
        incarnation: parts.incarnation,
        partition,
        partitions,
        appHash: parts.layout.appHash,
        logId: log.id,
        model: () => parts.scoring.inForce,
        runtime: () => parts.scoring.runtime ?? null,
        border: () => (parts.logsState ? overlay.border() : null),
        busy: () => running.busy,
        closed: running.closed,
      },
    ),
    score(parts.scoring),
    deliverBy(running),
  )
}

function deliverBy<S>(running: Running<S>) {
  const { parts, options } = running
  const { log, topics, layout, settings } = parts
  const { partition } = options
  const how = {
    log,
    topics,
    partition,
    writer: writerOf(partition),
    appVersion: `${layout.featureSet} ${layout.appHash}`,
    rows: running.rows,
    writing: (write: Promise<unknown>, { commitId }: Position) => {
      running.writing = write
      running.doubt.commitId = commitId
    },
  }
  if (settings.delivery === 'exactlyOnce') return deliver<S>(how)
  const { commitAgeMsMax: transactionMs, commitBytesMax: transactionBytes } = settings
  return deliverEarly<S>({ ...how, transactionMs, transactionBytes, sent: running.sent })
}

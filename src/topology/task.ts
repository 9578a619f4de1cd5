/**
 * One partition, running: the operators piped behind its source, and what happens when the world
 * fails.
 *
 * Owns the order commit → snapshots → store → credit, and recovery. Does not own any part's work.
 *
 * T1 An error of the world unsubscribes everything; opening again at the last commit is recovery.
 * T2 The snapshots and the store follow only what the log holds, each in commit order.
 * T3 A stop finishes what is in flight: the open commit closes, is delivered, and is flushed.
 */
import {
  concatMap,
  defer,
  EMPTY,
  finalize,
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
import { OutputRows } from '../events/output-rows.js'
import { failpoint } from '../failpoint.js'
import type { LogReader } from '../log/log.js'
import { decode } from '../operators/decode.js'
import { deliver, type DeliveredCommit, type OutputEnds } from '../operators/deliver.js'
import { gather } from '../operators/gather.js'
import { isRescored } from '../operators/generation.js'
import type { Position } from '../operators/position.js'
import { score } from '../operators/score.js'
import { updateState } from '../operators/update-state.js'
import { Credits } from './credits.js'
import { deliverEarly } from './deliver-early.js'
import { drive } from './drive.js'
import { Flusher } from './flusher.js'
import { followSnapshots } from './follow-snapshots.js'
import { openTask, type OpenTask, writerOf } from './open-task.js'
import type { TopologyParts } from './parts.js'
import { Recovery } from './recovery.js'
import { scrub } from './scrub.js'
import type { TaskGauge } from './task-gauge.js'

export interface TaskOptions {
  readonly partition: number
  readonly gauge: TaskGauge
  readonly stop: AbortSignal
  /** Called when the partition has nothing left to do for now. */
  idle(): void
  /** Resolves when the partition may be opened; false: it is no longer ours. */
  claim(): Promise<boolean>
}

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

/** The commit whose end nobody has heard of, if any: the next opening asks the log (C3). */
interface Doubt {
  commitId: string | null
}

/** Everything that lives as long as one opening of a partition. */
class Running<S> {
  readonly credits: Credits
  readonly flusher: Flusher<S>
  readonly rows: OutputRows
  /** Whether the next commit has to wait for one (G2). */
  busy = false
  /** When each commit closed that is not durable yet, in order. */
  readonly closedMs: number[] = []
  /** Batches on their way from the source through `load`, which may wait for the store. */
  loading = 0
  /** The transaction under way: whoever opens the partition again must know how it ended. */
  writing: Promise<unknown> = Promise.resolve()
  closedOffset: number
  committed: Position | null
  /** What a row and its score took in the last commit that had any. */
  rowBytes = 0
  /** Exclusive: the outputs of all commits that were delivered, for the cursor of the snapshots. */
  ends: OutputEnds = { featuresOffset: 0, scoresOffset: 0 }

  constructor(
    readonly parts: TopologyParts<S>,
    readonly task: OpenTask<S>,
    readonly options: TaskOptions,
    readonly doubt: Doubt,
  ) {
    const { settings } = parts
    this.credits = new Credits(settings.commitRecordsMax * 2, settings.commitBytesMax * 2)
    this.flusher = new Flusher(task.overlay, settings, task.stored, task.stateOffset)
    this.rows = new OutputRows(parts.layout)
    this.closedOffset = task.progress.endOffset
    this.committed = null
  }

  pending = (): boolean => {
    const { progress, timers } = this.task
    if (progress.endOffset > this.closedOffset) return true
    const { timersPerCommitMax } = this.parts.settings
    return timers.peek(progress.asOf, Math.min(1, timersPerCommitMax)).length > 0
  }

  closed = (position: Position): void => {
    this.busy = true
    this.closedOffset = position.endOffset
    this.closedMs.push(this.parts.settings.wallClock())
    this.flusher.closed(position)
  }

  /** A commit is where readers may see it; its transaction may hold others too. */
  sent = (): void => {
    this.busy = false
  }

  /** The commit is durable: let snapshots and store follow, and the source go on. */
  async delivered(commit: DeliveredCommit<S>): Promise<void> {
    const { snapshots, settings } = this.parts
    const { partition, gauge } = this.options
    this.committed = commit.position
    this.doubt.commitId = null
    if (commit.rowBytes > 0) this.rowBytes = commit.rowBytes
    failpoint('engine.before-snapshots')
    // Those of this commit: at a stop the next one may be in the log by now (T2).
    if (commit.ends !== null) this.ends = commit.ends
    const { commit: number, asOf, endOffset } = commit.position
    // Until every customer has his row under this generation, no row is proved to be the newest.
    const isWhole = isRescored(commit.position)
    if (!isWhole) failpoint('engine.in-rescore')
    const caughtUp = commit.atEnd && isWhole
    const proof = { partition, asOf, endOffset, commit: number, caughtUp }
    await snapshots.put(commit.puts, proof, { commit: number, ...this.ends })
    this.flusher.delivered(commit.position, commit.stateOffset)
    const durationMs = settings.wallClock() - this.closedMs.shift()!
    gauge.committed(commit, durationMs)
    this.parts.committed(commit, partition, durationMs)
    if (settings.delivery === 'exactlyOnce') this.busy = false
    this.credits.give(commit.records, commit.bytes)
  }

  async end(): Promise<void> {
    if (this.committed !== null) await this.flusher.last(this.committed)
    failpoint('engine.in-drain')
    await this.parts.snapshots.flush()
  }
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
  try {
    await followAll(parts, running, options.partition)
    const ended = new Subject<void>()
    const commits = pipeline(running, reader).pipe(
      concatMap((commit) => running.delivered(commit)),
      finalize(() => ended.next()),
    )
    const scrubs = scrub(task.store, parts.settings, proved).pipe(takeUntil(ended))
    // The scrub first, for commits that end at once must end it too.
    await lastValueFrom(merge(scrubs, commits), { defaultValue: undefined })
    await running.end()
  } finally {
    await Promise.allSettled([running.writing, running.flusher.settled()])
    await reader.close()
    await task.store.close()
  }
}

async function followAll<S>(
  parts: TopologyParts<S>,
  running: Running<S>,
  partition: number,
): Promise<void> {
  const { log, topics } = parts
  const { committed } = running.task
  if (committed === null) return
  running.committed = committed
  running.ends = {
    featuresOffset: await log.endOffset(topics.features, partition),
    scoresOffset: await log.endOffset(topics.scores, partition),
  }
  await followSnapshots(parts, partition, committed)
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
    lagAllowanceMs: settings.lagAllowanceMs * speed,
    from: progress.endOffset,
    until: null,
    pending: running.pending,
    lowWatermark: () => parts.lowWatermark(),
    idle: () => {
      if (running.closedMs.length === 0 && running.loading === 0) options.idle()
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
        recordsMax: settings.commitRecordsMax,
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

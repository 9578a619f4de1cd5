import { OutputRows } from '../events/output-rows.js'
import { failpoint } from '../failpoint.js'
import type { DeliveredCommit, OutputEnds } from '../operators/deliver.js'
import { isRescored } from '../operators/generation.js'
import type { Position } from '../operators/position.js'
import { Credits } from './credits.js'
import { Flusher } from './flusher.js'
import type { OpenTask } from './open-task.js'
import { Pace } from './pace.js'
import type { TopologyParts } from './parts.js'
import type { TaskGauge } from './task-gauge.js'

export interface TaskOptions {
  readonly partition: number
  readonly gauge: TaskGauge
  readonly stop: AbortSignal
  /** Called when the partition has nothing left to do for now. */
  idle(): void
  /** Called at a stop, when the last commit is delivered. */
  freed(): void
  /** Resolves when the partition may be opened; false: it is no longer ours. */
  claim(): Promise<boolean>
}

/** The commit whose end nobody has heard of, if any: the next opening asks the log (C3). */
export interface Doubt {
  commitId: string | null
}

/** Everything that lives as long as one opening of a partition. */
export class Running<S> {
  readonly pace: Pace
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
  /** Whether the snapshots have what was committed before. */
  isFollowed = false
  closedOffset: number
  committed: Position | null
  /** What a row and its score took in the last commit that had any. */
  rowBytes = 0
  /** Exclusive: the outputs of all commits that were delivered, for the cursor of the snapshots. */
  ends: OutputEnds

  constructor(
    readonly parts: TopologyParts<S>,
    readonly task: OpenTask<S>,
    readonly options: TaskOptions,
    readonly doubt: Doubt,
  ) {
    const { settings } = parts
    this.pace = new Pace(settings.commitRecordsMax)
    this.credits = new Credits(this.pace.credit, settings.commitBytesMax * 2)
    this.flusher = new Flusher(task.overlay, settings, task.stored, task.stateOffset)
    this.rows = new OutputRows(parts.layout)
    this.closedOffset = task.progress.endOffset
    this.committed = task.committed
    this.ends = task.ends
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
    this.credits.give(this.pace.grow())
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
    this.credits.give(commit.records, commit.bytes)
    if (settings.delivery === 'exactlyOnce') this.sent()
  }

  async end(): Promise<void> {
    if (this.committed !== null) await this.flusher.last(this.committed)
    failpoint('engine.in-drain')
    await this.parts.snapshots.flush()
  }
}

import type { DeliveredCommit } from '../operators/deliver.js'
import { isRescored } from '../operators/generation.js'
import type { Position } from '../operators/position.js'
import type { OpenTask } from './open-task.js'
import type { PartitionStatus, RestoreProgress } from './status.js'

/** What of an open task is told. */
type GaugedTask = Pick<OpenTask<unknown>, 'progress' | 'timers' | 'committed'> & {
  readonly overlay: Pick<OpenTask<unknown>['overlay'], 'hotBytes' | 'hotCustomers' | 'present'>
}

/** What one partition tells about itself, whether it is open, restoring or between two openings. */
export class TaskGauge {
  /** Exclusive end of the input as last asked for. */
  logEndOffset = 0
  private task: GaugedTask | null = null
  private restore: RestoreProgress | null = null
  private restoreBeganMs = 0
  private aborts = 0
  private lastAborted: string | null = null
  private last: Position | null = null
  private caughtUp = false
  private lastCommitMs: number | null = null
  private scoresByEvent = 0
  private scoresByTime = 0
  private degraded = 0
  private provedAt: number | null = null
  private storesSetAside = 0
  private readonly failures: Record<string, number> = {}

  constructor(
    private readonly partition: number,
    private readonly wallClock: () => number,
  ) {}

  get isOpen(): boolean {
    return this.task !== null
  }

  get isRestoring(): boolean {
    return this.restore !== null
  }

  restoring(progress: RestoreProgress | null): void {
    if (this.restore === null) this.restoreBeganMs = this.wallClock()
    this.restore = progress
  }

  opened(task: GaugedTask): void {
    this.task = task
    // A commit may be in the log whose end this process never heard of.
    this.last = task.committed
  }

  /** The whole state was read, and is what was written. `wallMs`: ms UTC. */
  proved(wallMs: number): void {
    this.provedAt = wallMs
  }

  setAside(): void {
    this.storesSetAside++
  }

  failed(code: string): void {
    this.failures[code] = (this.failures[code] ?? 0) + 1
  }

  /** The commit did not take place, as far as is known; told again of the same one, nothing new. */
  aborted(commitId: string): void {
    if (commitId === this.lastAborted) return
    this.lastAborted = commitId
    this.aborts++
  }

  closed(): void {
    this.task = null
    this.caughtUp = false
  }

  committed(commit: DeliveredCommit<unknown>, durationMs: number): void {
    this.last = commit.position
    this.caughtUp = commit.atEnd && isRescored(commit.position)
    this.lastCommitMs = durationMs
    for (const cause of commit.rows.causes) {
      if (cause === 'time') this.scoresByTime++
      else this.scoresByEvent++
    }
    for (const reason of commit.scores.degraded ?? []) if (reason !== null) this.degraded++
  }

  status(): PartitionStatus {
    const { task, last } = this
    const progress = task?.progress
    const counts = last?.counts ?? progress?.counts
    const asOf = last?.asOf ?? progress?.asOf ?? 0
    const firstDue = task?.timers.peek(asOf, 1)[0]?.due
    return {
      partition: this.partition,
      endOffset: last?.endOffset ?? progress?.endOffset ?? 0,
      logEndOffset: this.logEndOffset,
      logClock: known(last?.logClock ?? progress?.logClock),
      logTime: known(last?.logTime ?? progress?.logTime),
      asOf: known(asOf),
      commit: last?.commit ?? progress?.commit ?? 0,
      generation: last?.generation?.number ?? progress?.generation?.number ?? 1,
      caughtUp: this.caughtUp,
      customers: task?.overlay.present ?? 0,
      accepted: counts?.accepted ?? 0,
      duplicates: counts?.duplicates ?? 0,
      late: counts?.late ?? 0,
      erasures: counts?.erasures ?? 0,
      lost: counts?.lost ?? 0,
      rejected: counts?.rejected ?? {},
      flagged: counts?.flagged ?? {},
      scoresByEvent: this.scoresByEvent,
      scoresByTime: this.scoresByTime,
      degraded: this.degraded,
      timersWaiting: task?.timers.size ?? 0,
      timersOverdueSeconds: firstDue === undefined ? 0 : Math.max(0, (asOf - firstDue) / 1000),
      restoring: this.restore,
      restoredPerSecond: this.restoredPerSecond,
      lastCommitMs: this.lastCommitMs,
      stateBytes: task?.overlay.hotBytes ?? 0,
      stateEntries: task?.overlay.hotCustomers ?? 0,
      provedAt: this.provedAt,
      storesSetAside: this.storesSetAside,
      failures: { ...this.failures },
      aborted: this.aborts,
    }
  }

  private get restoredPerSecond(): number | null {
    const ms = this.wallClock() - this.restoreBeganMs
    return this.restore === null || ms <= 0 ? null : (this.restore.done * 1000) / ms
  }
}

/** Instants start at 0 where nothing has come yet. */
function known(instant: number | undefined): number | null {
  return instant === undefined || instant === 0 ? null : instant
}

/**
 * The tasks of one process: which partitions run here, and what they tell.
 *
 * Owns starting and stopping them. Which partitions are this process's business is decided above:
 * all of them (`engine.ts`), or those that a group has given it (`member.ts`).
 *
 * K1 A task that cannot be recovered ends all: a part of the customers silently standing still is
 *    worse. The others finish what is in flight first.
 * K2 A partition is free when its last commit is delivered: its store and its snapshots are finished
 *    behind that, and before it is opened here again.
 */
import { lastValueFrom } from 'rxjs'
import { aborted } from '../aborted.js'
import type { TopologyParts } from './parts.js'
import type { EngineIdentity, EngineState, EngineStatus } from './status.js'
import { runTask } from './task.js'
import { TaskGauge } from './task-gauge.js'

/** How often the end of the input is asked for, for the lag. */
const lagEveryMs = 500

export interface TaskHooks {
  /** Called when a partition has nothing left to do for now. */
  idle(partition: number): void
  /** Called with what ended a task that cannot be recovered. */
  failed(error: unknown): void
  /** Resolves when this process may take the partition's writer; false: it never may again. */
  claim(partition: number, stop: AbortSignal): Promise<boolean>
}

interface Running {
  readonly gauge: TaskGauge
  readonly stop: AbortController
  /** Nothing more is written to the log. */
  readonly freed: Promise<unknown>
  readonly done: Promise<void>
}

export class PartitionTasks<S> {
  private readonly running = new Map<number, Running>()
  /** What is behind the last commit of partitions that are free (K2). */
  private readonly closing = new Map<number, Promise<void>>()
  private readonly lag: NodeJS.Timeout
  private readonly startedAt: number
  private isStopping = false
  private failure: { readonly error: unknown } | null = null

  constructor(
    private readonly parts: TopologyParts<S>,
    private readonly hooks: TaskHooks,
  ) {
    this.startedAt = parts.settings.wallClock()
    this.lag = setInterval(() => void this.askLag(), lagEveryMs).unref()
  }

  get partitions(): number[] {
    return [...this.running.keys()].sort((a, b) => a - b)
  }

  /** Runs the partition, unless it does already or all is to stop. */
  start(partition: number): void {
    if (this.isStopping || this.running.has(partition)) return
    const gauge = new TaskGauge(partition, this.parts.settings.wallClock)
    const stop = new AbortController()
    // The end of its former running, and never of this one; a stop waits for neither (K2).
    const before = Promise.race([this.closed(partition), aborted(stop.signal)])
    let free: () => void
    const isFree = new Promise<void>((resolve) => (free = resolve))
    const task = runTask(this.parts, {
      partition,
      gauge,
      stop: stop.signal,
      idle: () => this.hooks.idle(partition),
      freed: () => free(),
      claim: async () => {
        await before
        return this.hooks.claim(partition, stop.signal)
      },
    })
    const done = lastValueFrom(task, { defaultValue: undefined }).catch((error: unknown) => {
      this.fail(error)
    })
    this.running.set(partition, { gauge, stop, freed: Promise.race([isFree, done]), done })
  }

  /** Finishes what is in flight there; the partition is free when this resolves (K2). */
  async stop(partition: number): Promise<void> {
    const task = this.running.get(partition)
    if (task === undefined) return
    task.stop.abort()
    await task.freed
    if (this.running.get(partition) !== task) return
    this.running.delete(partition)
    const closing = Promise.all([this.closed(partition), task.done]).then(() => {
      if (this.closing.get(partition) === closing) this.closing.delete(partition)
      this.parts.snapshots.release?.(partition)
    })
    this.closing.set(partition, closing)
  }

  /** Resolves when the store of a partition that was stopped here is closed. */
  async closed(partition: number): Promise<void> {
    await this.closing.get(partition)
  }

  /** Lets no task begin any more, and tells those that run to finish; all partitions are free then. */
  async freeAll(): Promise<void> {
    this.isStopping = true
    for (const { stop } of this.running.values()) stop.abort()
    await Promise.all([...this.running.values()].map(({ freed }) => freed))
    clearInterval(this.lag)
  }

  /** As `freeAll`, and all stores are closed too. */
  async stopAll(): Promise<void> {
    await this.freeAll()
    const dones = [...this.running.values()].map(({ done }) => done)
    await Promise.all([...dones, ...this.closing.values()])
  }

  /** How far the input of each partition is committed, as far as is known. */
  committed(): Map<number, number> {
    const known = [...this.running].filter(([, { gauge }]) => gauge.isOpen)
    return new Map(known.map(([partition, { gauge }]) => [partition, gauge.status().endOffset]))
  }

  /** Puts the last commit of each partition into `held`. */
  noteCommits(held: Map<number, number>): void {
    for (const [partition, { gauge }] of this.running) {
      const { commit } = gauge.status()
      if (commit > 0) held.set(partition, commit)
    }
  }

  /** Something else than a task has failed for good. */
  fail(error: unknown): void {
    this.failure ??= { error }
    this.hooks.failed(error)
  }

  /** Throws the first failure. */
  assertSound(): void {
    if (this.failure !== null) throw this.failure.error
  }

  status(identity: EngineIdentity): EngineStatus {
    const { log, layout, scoring, generation } = this.parts
    const failure = this.failure === null ? null : textOf(this.failure.error)
    return {
      app: identity.app,
      appHash: layout.appHash,
      generation: generation?.number ?? 1,
      featureSet: layout.featureSet,
      synthetic: identity.synthetic,
      timeBase: log.timeBase,
      now: log.now(),
      startedAt: this.startedAt,
      state: failure === null ? this.state : 'failed',
      failure,
      model: scoring.inForce,
      partitions: this.partitions.map((partition) => this.running.get(partition)!.gauge.status()),
    }
  }

  private get state(): EngineState {
    if (this.isStopping) return 'stopping'
    const gauges = [...this.running.values()].map(({ gauge }) => gauge)
    if (gauges.some((gauge) => gauge.isRestoring)) return 'restoring'
    return gauges.every((gauge) => gauge.isOpen) ? 'running' : 'starting'
  }

  private async askLag(): Promise<void> {
    for (const [partition, { gauge }] of this.running) {
      try {
        gauge.logEndOffset = await this.parts.log.endOffset(this.parts.topics.events, partition)
      } catch {
        // The tasks tell what is wrong with the log; the lag keeps its last value meanwhile.
        return
      }
    }
  }
}

const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

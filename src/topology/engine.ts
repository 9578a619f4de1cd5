/**
 * All partitions of an app, running in one process.
 *
 * Owns starting, stopping and telling. Each partition recovers by itself; one that cannot be
 * recovered ends the engine, for a part of the customers silently standing still is worse.
 */
import { lastValueFrom } from 'rxjs'
import type { TopologyParts } from './parts.js'
import type { EngineState, EngineStatus } from './status.js'
import { runTask } from './task.js'
import { TaskGauge } from './task-gauge.js'

/** How often the end of the input is asked for, for the lag. */
const lagEveryMs = 500

export interface EngineIdentity {
  readonly app: string
  readonly synthetic: boolean
}

export interface RunningEngine {
  status(): EngineStatus
  /** Resolves when every partition has nothing left to do: caught up, timers served. */
  idle(): Promise<void>
  /** Finishes what is in flight, flushes, closes the stores. The log stays open: not ours. */
  stop(): Promise<void>
  /** Resolves after a stop; rejects with the failure that ended the engine. */
  readonly done: Promise<void>
}

/**
 * Starts all partitions of the events topic.
 *
 * @example
 * const engine = startEngine(parts, { app: 'churn', synthetic: true })
 * await engine.idle()
 * await engine.stop()
 */
export function startEngine<S>(parts: TopologyParts<S>, identity: EngineIdentity): RunningEngine {
  const { log, topics, layout, settings } = parts
  const startedAt = settings.wallClock()
  const gauges = Array.from({ length: log.partitions(topics.events) }, (_, p) => new TaskGauge(p))
  const stopping = new AbortController()
  const idlers = new Idlers(gauges.length)
  let failure: string | null = null
  const lag = setInterval(() => void askLag(parts, gauges), lagEveryMs).unref()
  const tasks = gauges.map(async (gauge, partition) => {
    const idle = (): void => idlers.idle(partition)
    const task = runTask(parts, { partition, gauge, stop: stopping.signal, idle })
    try {
      await lastValueFrom(task, { defaultValue: undefined })
    } catch (error) {
      failure ??= error instanceof Error ? error.message : String(error)
      idlers.fail(error)
      stopping.abort()
      throw error
    }
  })
  const done = allEnded(tasks).finally(() => clearInterval(lag))
  // Whoever starts an engine may look at `done` only later.
  done.catch(() => undefined)
  return {
    done,
    idle: () => idlers.all(),
    stop: async () => {
      stopping.abort()
      await done
    },
    status: () => ({
      app: identity.app,
      appHash: layout.appHash,
      featureSet: layout.featureSet,
      synthetic: identity.synthetic,
      timeBase: log.timeBase,
      now: log.now(),
      startedAt,
      state: stateOf(gauges, stopping.signal.aborted, failure),
      failure,
      model: parts.scoring.inForce,
      partitions: gauges.map((gauge) => gauge.status()),
    }),
  }
}

/**
 * The first failure, but only when all have ended: the others finish what is in flight, and nobody
 * must close their log or open their stores meanwhile.
 */
async function allEnded(tasks: readonly Promise<void>[]): Promise<void> {
  const ends = await Promise.allSettled(tasks)
  for (const end of ends) if (end.status === 'rejected') throw end.reason
}

function stateOf(gauges: TaskGauge[], stopping: boolean, failure: string | null): EngineState {
  if (failure !== null) return 'failed'
  if (stopping) return 'stopping'
  if (gauges.some((gauge) => gauge.isRestoring)) return 'restoring'
  return gauges.every((gauge) => gauge.isOpen) ? 'running' : 'starting'
}

async function askLag<S>(parts: TopologyParts<S>, gauges: TaskGauge[]): Promise<void> {
  for (const [partition, gauge] of gauges.entries()) {
    try {
      gauge.logEndOffset = await parts.log.endOffset(parts.topics.events, partition)
    } catch {
      // The tasks tell what is wrong with the log; the lag keeps its last value meanwhile.
      return
    }
  }
}

/** Lets callers wait until every partition has been idle since they asked. */
class Idlers {
  private waiting: { left: Set<number>; resolve: () => void; reject: (e: unknown) => void }[] = []
  /** Why no partition will ever be idle again, for whoever asks only then. */
  private failure: { readonly error: unknown } | null = null

  constructor(private readonly partitions: number) {}

  all(): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.failure !== null) return reject(this.failure.error)
      const left = new Set(Array.from({ length: this.partitions }, (_, partition) => partition))
      this.waiting.push({ left, resolve, reject })
    })
  }

  idle(partition: number): void {
    for (const waiter of this.waiting) {
      waiter.left.delete(partition)
      if (waiter.left.size === 0) waiter.resolve()
    }
    this.waiting = this.waiting.filter((waiter) => waiter.left.size > 0)
  }

  /** The first failure counts. */
  fail(error: unknown): void {
    this.failure ??= { error }
    for (const waiter of this.waiting) waiter.reject(error)
    this.waiting = []
  }
}

/**
 * All partitions of an app, running in one process.
 *
 * Owns starting, stopping and telling of all of them together.
 */
import { aborted } from '../aborted.js'
import type { TopologyParts } from './parts.js'
import { PartitionTasks } from './partition-tasks.js'
import type { EngineIdentity, EngineStatus } from './status.js'

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
  const count = parts.log.partitions(parts.topics.events)
  const idlers = new Idlers(count)
  const stopping = new AbortController()
  const tasks = new PartitionTasks(parts, {
    idle: (partition) => idlers.idle(partition),
    failed: (error) => {
      idlers.fail(error)
      stopping.abort()
    },
    // Nobody else can have them: the log is this process's own.
    claim: async () => true,
  })
  const done = aborted(stopping.signal)
    // The first failure, but only when all have ended: the others finish what is in flight, and
    // nobody must close their log or open their stores meanwhile.
    .then(() => tasks.stopAll())
    .then(() => tasks.assertSound())
  // Whoever starts an engine may look at `done` only later.
  done.catch(() => undefined)
  for (let partition = 0; partition < count; partition++) tasks.start(partition)
  return {
    done,
    idle: () => idlers.all(),
    stop: async () => {
      stopping.abort()
      await done
    },
    status: () => tasks.status(identity),
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

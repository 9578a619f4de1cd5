/**
 * Copies of partitions that run elsewhere: stores that follow the state in the log, so that who takes
 * a partition over has little left to follow.
 *
 * Y1 A copy is never read. It says that it is partial, and is proved when its partition opens here.
 * Y2 Nothing rests on a copy: what goes wrong with one is told, and tried again later.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { aborted } from '../aborted.js'
import { TidemarkError } from '../errors.js'
import type { Position } from '../operators/position.js'
import type { Store } from '../state/store.js'
import { builtPosition } from './logged-state.js'
import { committedPosition } from './committed-position.js'
import type { TopologyParts } from './parts.js'
import { followState } from './restore-state.js'
import { takesOver } from './take-over.js'

interface Running {
  readonly stop: AbortController
  readonly done: Promise<void>
}

export interface StandbyOptions {
  /** Pause between two looks at the end of the state, in ms. @default 1_000 */
  readonly lookEveryMs?: number
  /** Pause behind a failure, in ms. @default 10_000 */
  readonly retryAfterMs?: number
  /** Told how far a copy has come. */
  reached(partition: number, commit: number): void
}

export class Standbys<S> {
  private readonly running = new Map<number, Running>()

  constructor(
    private readonly parts: TopologyParts<S>,
    private readonly options: StandbyOptions,
  ) {}

  get partitions(): number[] {
    return [...this.running.keys()]
  }

  /** `free`: resolves when nobody else here has its store open. */
  start(partition: number, free = Promise.resolve()): void {
    if (this.running.has(partition)) return
    const stop = new AbortController()
    const begun = Promise.race([free, aborted(stop.signal)])
    const done = begun.then(() => this.keep(partition, stop.signal))
    this.running.set(partition, { stop, done })
  }

  /** The store of the copy is closed when this resolves. */
  async stop(partition: number): Promise<void> {
    const copy = this.running.get(partition)
    if (copy === undefined) return
    copy.stop.abort()
    await copy.done
    this.running.delete(partition)
  }

  async stopAll(): Promise<void> {
    await Promise.all(this.partitions.map((partition) => this.stop(partition)))
  }

  private async keep(partition: number, stop: AbortSignal): Promise<void> {
    const { retryAfterMs = 10_000 } = this.options
    while (!stop.aborted) {
      try {
        await this.follow(partition, stop)
      } catch (error) {
        if (stop.aborted) return
        const text = error instanceof Error ? error.message : String(error)
        this.parts.note(`the copy of partition ${partition} pauses: ${text}`)
        await this.mend(partition, error)
      }
      await paused(retryAfterMs, stop)
    }
  }

  private async follow(partition: number, stop: AbortSignal): Promise<void> {
    const { lookEveryMs = 1_000 } = this.options
    const store = await this.parts.home.open(partition)
    try {
      while (!stop.aborted) {
        const commit = await copy(this.parts, partition, store, stop)
        if (commit !== null) this.options.reached(partition, commit)
        await paused(lookEveryMs, stop)
      }
    } finally {
      await store.close()
    }
  }

  /** A copy that cannot go on begins anew. */
  private async mend(partition: number, error: unknown): Promise<void> {
    if (!(error instanceof TidemarkError) || error.code !== 'STORE_DAMAGED') return
    try {
      await this.parts.home.setAside(partition, error.message)
    } catch (cause) {
      const text = cause instanceof Error ? cause.message : String(cause)
      this.parts.note(`the copy of partition ${partition} was not set aside: ${text}`)
    }
  }
}

/**
 * Copies once what the log has of a partition's state, while it runs as another generation: who lets
 * this one take over then has little left to follow. A store that cannot go on begins anew.
 *
 * @throws TidemarkError what store and log throw
 */
export async function copyAhead<S>(
  parts: TopologyParts<S>,
  partition: number,
  stop: AbortSignal,
): Promise<void> {
  try {
    await copyOnce(parts, partition, stop)
  } catch (error) {
    if (!(error instanceof TidemarkError) || error.code !== 'STORE_DAMAGED') throw error
    const aside = await parts.home.setAside(partition, error.message)
    parts.note(`store of partition ${partition} set aside as ${aside}: ${error.message}`)
    await copyOnce(parts, partition, stop)
  }
}

async function copyOnce<S>(
  parts: TopologyParts<S>,
  partition: number,
  stop: AbortSignal,
): Promise<void> {
  const store = await parts.home.open(partition)
  try {
    await copy(parts, partition, store, stop)
  } finally {
    await store.close()
  }
}

/** Answers the commit that the copy has come to; null: the log has nothing of it. */
async function copy<S>(
  parts: TopologyParts<S>,
  partition: number,
  store: Store,
  stop: AbortSignal,
): Promise<number | null> {
  const due = await whole(parts, partition)
  if (due?.state === undefined) return null
  const restoring = () => undefined
  await followState(parts, partition, store, due, { restoring, stop, isPartial: true })
  return due.commit
}

/** What the state in the log belongs to; null: nothing is there. */
async function whole<S>(parts: TopologyParts<S>, partition: number): Promise<Position | null> {
  const committed = await committedPosition(parts, partition)
  if (committed === null || !takesOver(parts.generation, committed)) return committed
  return builtPosition(parts, { partition, generation: parts.generation!.number })
}

function paused(ms: number, signal: AbortSignal): Promise<void> {
  return sleep(ms, undefined, { signal }).catch(() => undefined)
}

/**
 * The engine of a process in which one generation may take over from another.
 *
 * Owns which one runs. Does not own what a generation is made of (`generation-engine.ts`).
 *
 * W1 The next one is open, all but its tasks, before the one before is stopped: what cannot be
 *    opened is refused while that one goes on.
 * W2 The one before has finished what was in flight and closed its state before the next begins.
 * W3 Lookups are answered throughout: by the one before until the next has begun.
 */
import { exitCode, TidemarkError } from '../errors.js'
import type { RunningEngine } from '../topology/engine.js'
import type { EngineStatus } from '../topology/status.js'
import type { OpenGeneration, ReadyGeneration } from './generation-engine.js'

export class RunningGeneration implements RunningEngine {
  readonly done: Promise<void>
  /** Settles `done`. */
  private ended!: { resolve(): void; reject(error: unknown): void }
  private now: OpenGeneration
  /** One take-over at a time, and a stop behind it. */
  private turn: Promise<unknown> = Promise.resolve()
  private isStopped = false
  private replaced = deferred()

  constructor(
    first: OpenGeneration,
    private readonly open: (number: number) => Promise<ReadyGeneration>,
  ) {
    this.done = new Promise((resolve, reject) => {
      this.ended = { resolve, reject }
    })
    this.done.catch(() => undefined)
    this.now = first
    this.watch(first)
  }

  get current(): OpenGeneration {
    return this.now
  }

  status(): EngineStatus {
    return this.now.engine.status()
  }

  /** Resolves when whichever generation runs by then has nothing left to do. */
  async idle(): Promise<void> {
    for (;;) {
      const { now } = this
      await Promise.race([now.engine.idle(), this.replaced.promise])
      if (now === this.now) return
    }
  }

  /**
   * Lets a generation take over; resolves when its tasks have been started.
   *
   * @throws what opening it throws, and then the one before goes on; what ended the one before
   */
  takeOver(number: number): Promise<void> {
    return this.inTurn(async () => {
      if (this.isStopped) throw stopping()
      if (this.now.number === number) return
      const next = await this.open(number)
      const before = this.now
      const replaced = this.replaced
      // From here on an end of the one before is not the end.
      this.now = { ...before, number }
      try {
        await before.engine.stop()
        this.now = next.start()
      } catch (error) {
        this.now = before
        this.ended.reject(error)
        await next.close().catch(() => undefined)
        throw error
      }
      this.watch(this.now)
      this.replaced = deferred()
      replaced.resolve()
      await before.close()
    })
  }

  async stop(): Promise<void> {
    this.isStopped = true
    await this.inTurn(() => this.now.engine.stop())
    await this.done
  }

  async close(): Promise<void> {
    await this.inTurn(() => this.now.close())
  }

  private watch(generation: OpenGeneration): void {
    const isLast = (): boolean => this.now === generation
    generation.engine.done.then(
      () => isLast() && this.ended.resolve(),
      (error: unknown) => isLast() && this.ended.reject(error),
    )
  }

  private inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.turn.then(work)
    this.turn = done.catch(() => undefined)
    return done
  }
}

function deferred(): { readonly promise: Promise<void>; resolve(): void } {
  let resolve!: () => void
  const promise = new Promise<void>((r) => {
    resolve = r
  })
  return { promise, resolve }
}

function stopping(): TidemarkError {
  return new TidemarkError('STOPPED', 'the process that has the data directory is stopping', {
    exit: exitCode.tryAgain,
    retry: 'later',
  })
}

import { failpoint } from '../failpoint.js'
import type { Position } from '../operators/position.js'
import type { Overlay } from '../state/overlay.js'
import { encodeStored } from '../state/proof.js'
import type { EngineSettings } from './settings.js'

/** Entries encoded before the event loop gets its turn. */
const sliceEntries = 256

/**
 * Lets the store follow the log: every few seconds or megabytes, at a commit border, and only
 * after the log holds that commit.
 *
 * F1 A flush is named when its commit closes and written when its commit is durable.
 * F2 One flush at a time; the commits go on meanwhile.
 */
export class Flusher<S> {
  private named: Position | null = null
  private running: Promise<void> | null = null
  /** Why a flush failed; told at the next commit border, when nothing is in flight. */
  private failure: Error | null = null
  private flushedOffset: number
  private lastMs: number

  /** `stateOffset`: how far the store has followed the state in the log; null: that has none. */
  constructor(
    private readonly overlay: Overlay<S>,
    private readonly settings: EngineSettings,
    stored: Position | null,
    private stateOffset: number | null = null,
  ) {
    this.flushedOffset = stored?.endOffset ?? -1
    this.lastMs = settings.wallClock()
  }

  /** To be called when a commit closes, before later batches touch the state. */
  closed(position: Position): void {
    if (this.named !== null || this.running !== null) return
    const age = this.settings.wallClock() - this.lastMs
    if (!this.overlay.hasChanges && position.endOffset === this.flushedOffset && !this.ages(age)) {
      return
    }
    const full = this.overlay.unflushedBytes >= this.settings.flushBytesMax
    if (age >= this.settings.flushEveryMs || full) this.name(position)
  }

  /**
   * To be called when the log holds a commit, and what that changed of the state up to `stateOffset`
   * (null: nothing). Throws what an earlier flush failed with.
   */
  delivered(position: Position, stateOffset: number | null = null): void {
    if (this.failure !== null) throw this.failure
    this.stateOffset = stateOffset ?? this.stateOffset
    if (this.named === null || position.commit < this.named.commit) return
    const writing = this.write(this.named)
    this.named = null
    this.running = writing
      .catch((error: Error) => {
        this.failure = error
      })
      .finally(() => {
        this.running = null
      })
  }

  /** Resolves when no flush is under way. */
  async settled(): Promise<void> {
    await this.running
  }

  /** Writes what is left, at the last committed position; for a stop. */
  async last(position: Position): Promise<void> {
    await this.running
    if (this.failure !== null) throw this.failure
    if (this.named !== null) await this.write(this.named)
    this.named = null
    if (!this.overlay.hasChanges && position.endOffset === this.flushedOffset) return
    this.name(position)
    await this.write(position)
  }

  /** A store that says for too long when it was last written would not be believed later. */
  private ages(age: number): boolean {
    return this.stateOffset !== null && age >= this.settings.storeAgeMsMax / 4
  }

  private name(position: Position): void {
    this.overlay.beginFlush()
    this.named = position
    this.lastMs = this.settings.wallClock()
  }

  private async write(position: Position): Promise<void> {
    const { stateOffset } = this
    while (this.overlay.encodeSome(sliceEntries)) await new Promise(setImmediate)
    failpoint('engine.before-flush')
    const flushedAt = this.settings.wallClock()
    const followed = stateOffset === null ? undefined : { stateOffset, flushedAt, isPartial: false }
    await this.overlay.finishFlush((digest, customers) =>
      encodeStored(position, digest, customers, followed),
    )
    this.flushedOffset = position.endOffset
  }
}

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

  constructor(
    private readonly overlay: Overlay<S>,
    private readonly settings: EngineSettings,
    stored: Position | null,
  ) {
    this.flushedOffset = stored?.endOffset ?? -1
    this.lastMs = settings.wallClock()
  }

  /** To be called when a commit closes, before later batches touch the state. */
  closed(position: Position): void {
    if (this.named !== null || this.running !== null) return
    if (!this.overlay.hasChanges && position.endOffset === this.flushedOffset) return
    const age = this.settings.wallClock() - this.lastMs
    const full = this.overlay.changedBytes >= this.settings.flushBytesMax
    if (age >= this.settings.flushEveryMs || full) this.name(position)
  }

  /** To be called when the log holds a commit. Throws what an earlier flush failed with. */
  delivered(position: Position): void {
    if (this.failure !== null) throw this.failure
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

  private name(position: Position): void {
    this.overlay.beginFlush()
    this.named = position
    this.lastMs = this.settings.wallClock()
  }

  private async write(position: Position): Promise<void> {
    while (this.overlay.encodeSome(sliceEntries)) await new Promise(setImmediate)
    failpoint('engine.before-flush')
    await this.overlay.finishFlush((digest, customers) => encodeStored(position, digest, customers))
    this.flushedOffset = position.endOffset
  }
}

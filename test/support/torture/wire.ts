/** One direction of a connection whose network is as bad as somebody wants it to be. */
import type { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

/** What a network does to what passes in one direction. */
export interface Quality {
  /** How long a frame is on its way, in ms; asked for each. */
  readonly latencyMs?: () => number
  readonly bytesPerSecond?: number
  /** Nothing passes before this resolves: what was sent meanwhile arrives then, as TCP does it. */
  readonly healed?: Promise<void>
}

export class Wire {
  private turn: Promise<void> | null = null
  private freeMs = 0

  constructor(
    private readonly target: Socket,
    private readonly quality: () => Quality,
  ) {}

  /** Passes a frame on, behind all before it; `lateMs` is how much longer this one takes. */
  send(frame: Buffer, lateMs = 0): void {
    const quality = this.quality()
    const isGood = lateMs === 0 && Object.keys(quality).length === 0
    if (isGood && this.turn === null) return this.write(frame)
    const turn = (this.turn ?? Promise.resolve()).then(() => this.pass(frame, lateMs, quality))
    this.turn = turn
    void turn.then(() => {
      if (this.turn === turn) this.turn = null
    })
  }

  private async pass(frame: Buffer, lateMs: number, quality: Quality): Promise<void> {
    const { latencyMs, bytesPerSecond = Infinity, healed } = quality
    const nowMs = performance.now()
    this.freeMs = Math.max(nowMs, this.freeMs) + (frame.length / bytesPerSecond) * 1000
    const waitMs = this.freeMs - nowMs + (latencyMs?.() ?? 0) + lateMs
    if (waitMs > 0) await sleep(waitMs)
    await healed
    this.write(frame)
  }

  private write(frame: Buffer): void {
    if (!this.target.destroyed) this.target.write(frame)
  }
}

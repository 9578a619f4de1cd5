/**
 * How many records may be on their way through a topology: the drive takes, a commit gives back
 * what it took. It is what bounds the memory of a task whose log is slower than its source.
 */
export class Credits {
  private waiting: (() => void) | null = null
  /** Something was given since the last look: the next one need not wait for more. */
  private woken = false

  constructor(public available: number) {}

  take(records: number): void {
    this.available -= records
  }

  /** Wakes whoever waits even for nothing: that a commit has ended may be what he waits for. */
  give(records: number): void {
    this.available += records
    this.wake()
  }

  /** Resolves when there is credit, or once after each `give` and `wake` since the last call. */
  async granted(): Promise<void> {
    if (this.available <= 0 && !this.woken) {
      await new Promise<void>((resolve) => {
        this.waiting = resolve
      })
    }
    this.woken = false
  }

  /** Lets whoever waits look again: a stop must not wait for credit. */
  wake(): void {
    this.woken = true
    const waiting = this.waiting
    this.waiting = null
    waiting?.()
  }
}

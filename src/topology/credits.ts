/**
 * How many records, and how many bytes of them, may be on their way through a topology: the drive
 * takes, a commit gives back what it took. It is what bounds the memory of a task whose log is
 * slower than its source.
 */
export class Credits {
  private waiting: (() => void) | null = null
  /** Something was given since the last look: the next one need not wait for more. */
  private woken = false

  constructor(
    public available: number,
    private availableBytes = Infinity,
  ) {}

  /** Whether nothing may be taken now. One batch may pass the bytes: they are known behind it. */
  get isSpent(): boolean {
    return this.available <= 0 || this.availableBytes <= 0
  }

  take(records: number, bytes = 0): void {
    this.available -= records
    this.availableBytes -= bytes
  }

  /** Wakes whoever waits even for nothing: that a commit has ended may be what he waits for. */
  give(records: number, bytes = 0): void {
    this.available += records
    this.availableBytes += bytes
    this.wake()
  }

  /** Resolves when there is credit, or once after each `give` and `wake` since the last call. */
  async granted(): Promise<void> {
    if (this.isSpent && !this.woken) {
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

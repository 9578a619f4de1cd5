/**
 * What the log has of the state and the store not yet, where each commit writes its changes to a
 * changelog: coalesced by key until the next flush takes it.
 */
import type { StoreChange } from './store.js'

/** The state at the border of a commit. */
export interface StateBorder {
  /** What has changed since the border before, each key once. */
  readonly changes: readonly StoreChange[]
  /** Of all values, and the customers that have any. */
  readonly digest: string
  readonly customers: number
}

interface Named {
  readonly changes: ReadonlyMap<string, StoreChange>
  readonly border: number
  readonly last: StateBorder
}

export class LoggedChanges {
  /** Counts up; an entry that was encoded at a border behind `flushed` is not in the store. */
  border = 0
  flushed = 0
  bytes = 0
  private open = new Map<string, StoreChange>()
  private last: StateBorder | null = null
  private named: Named | null = null

  get isEmpty(): boolean {
    return this.open.size === 0
  }

  add(border: StateBorder): void {
    this.last = border
    for (const change of border.changes) {
      // Text of one byte a character: any key is one, and no two are the same.
      const name = Buffer.from(change.key.buffer, change.key.byteOffset, change.key.length)
      this.open.set(name.toString('latin1'), change)
      this.bytes += change.key.length + (change.value?.length ?? 0)
    }
  }

  /** What is here now is what the next flush writes. */
  name(): void {
    this.named = { changes: this.open, border: this.border, last: this.last! }
    this.open = new Map()
    this.bytes = 0
  }

  /** Hands the named changes to `write`; they are in the store when it resolves. */
  async flush(
    write: (changes: readonly StoreChange[], last: StateBorder) => Promise<void>,
  ): Promise<void> {
    const { changes, border, last } = this.named!
    await write([...changes.values()], last)
    this.named = null
    this.flushed = border
  }
}

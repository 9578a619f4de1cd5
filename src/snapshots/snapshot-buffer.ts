/** Rows in memory that wait for the disk: what waits, and what a write has taken up. */
import type { StoreChange } from '../state/store.js'
import { rowBytes, sealedSnapshotRow, type SnapshotRow } from './snapshot-row.js'

type Rows = Map<string, SnapshotRow>

/** Rows encoded before the event loop gets its turn. */
const SLICE_ROWS = 1024

export class SnapshotBuffer {
  /** Of the rows that wait; those of a write under way are not among them. */
  bytes = 0
  private waiting: Rows = new Map()
  private writing: Rows = new Map()

  /** The newest row of a customer, if it is in memory. */
  get(customer: string): SnapshotRow | undefined {
    return this.waiting.get(customer) ?? this.writing.get(customer)
  }

  set(customer: string, row: SnapshotRow): void {
    const before = this.waiting.get(customer)
    if (before !== undefined) this.bytes -= rowBytes(customer, before)
    this.bytes += rowBytes(customer, row)
    this.waiting.set(customer, row)
  }

  /** All that waits becomes one write; until `written` or `failed` it can be read here. */
  async take(): Promise<StoreChange[]> {
    const rows = this.waiting
    this.writing = rows
    this.waiting = new Map()
    this.bytes = 0
    const changes: StoreChange[] = []
    for (const [customer, row] of rows) {
      const key = Buffer.from(customer)
      changes.push({ key, value: sealedSnapshotRow(key, row) })
      if (changes.length % SLICE_ROWS === 0) await new Promise(setImmediate)
    }
    return changes
  }

  written(): void {
    this.writing = new Map()
  }

  /** The rows wait again, but for those of which a newer one has come. */
  failed(): void {
    const rows = this.writing
    this.writing = new Map()
    for (const [customer, row] of rows) if (!this.waiting.has(customer)) this.set(customer, row)
  }
}

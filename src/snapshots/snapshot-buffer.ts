/** Rows in memory that wait for the disk: what waits, and what a write has taken up. */
import type { StoreChange } from '../state/store.js'
import type { ChangeCounts } from './change-counts.js'
import { keptChanges, sealedChange, slotKey, slotsOf } from './stored-changes.js'
import { rowBytes, sealedSnapshotRow, type SnapshotRow } from './snapshot-row.js'

/** A customer's newest row, and what led there since the disk was written last. */
export interface WaitingRow {
  row: SnapshotRow
  /** The newest of them, oldest first. */
  changes: Uint8Array[]
  /** How many there were. */
  count: number
  /** Whether the changes on the disk are not his any more: he was erased. */
  cleared: boolean
  /**
   * How many the disk knew before a write took these up; null before that. A write that failed may
   * have had its effect, and then the disk would tell a count that has these in it.
   */
  known: number | null
}

type Rows = Map<string, WaitingRow>

/** Rows encoded before the event loop gets its turn. */
const SLICE_ROWS = 1024

export class SnapshotBuffer {
  /** Of the rows that wait; those of a write under way are not among them. */
  bytes = 0
  private waiting: Rows = new Map()
  private writing: Rows = new Map()

  /** The newest row of a customer, if it is in memory. */
  get(customer: string): SnapshotRow | undefined {
    return (this.waiting.get(customer) ?? this.writing.get(customer))?.row
  }

  /** What is in memory of a customer's changes, newest first, and whether the disk has more. */
  changesOf(customer: string): {
    readonly changes: readonly Uint8Array[]
    readonly whole: boolean
  } {
    const changes: Uint8Array[] = []
    for (const held of [this.waiting.get(customer), this.writing.get(customer)]) {
      if (held === undefined) continue
      changes.push(...held.changes.toReversed())
      if (held.cleared) return { changes, whole: true }
    }
    return { changes, whole: false }
  }

  /** `change`: what led to the row; null where no history is kept, and for a tombstone. */
  set(customer: string, row: SnapshotRow, change: Uint8Array | null): void {
    let held = this.waiting.get(customer)
    if (held === undefined) {
      held = { row, changes: [], count: 0, cleared: false, known: null }
      this.waiting.set(customer, held)
    } else this.bytes -= waitingBytes(customer, held)
    held.row = row
    if (row.features === null) clear(held)
    if (change !== null) add(held, [change], 1)
    this.bytes += waitingBytes(customer, held)
  }

  /**
   * All that waits becomes one write; until `written` or `failed` it can be read here. Where no
   * history is kept, nothing is read for it.
   */
  async take(counts: ChangeCounts | null): Promise<StoreChange[]> {
    const rows = [...this.waiting]
    this.writing = this.waiting
    this.waiting = new Map()
    this.bytes = 0
    const changes: StoreChange[] = []
    for (let from = 0; from < rows.length; from += SLICE_ROWS) {
      const slice = rows.slice(from, from + SLICE_ROWS)
      if (counts !== null) await know(slice, counts)
      for (const [customer, held] of slice) encode(customer, held, changes)
      if (rows.length > SLICE_ROWS) await new Promise(setImmediate)
    }
    return changes
  }

  written(counts: ChangeCounts | null): void {
    if (counts !== null) {
      for (const [customer, held] of this.writing) counts.set(customer, countOf(held))
    }
    this.writing = new Map()
  }

  /** The rows wait again, but for those of which a newer one has come: its changes are behind. */
  failed(): void {
    const rows = this.writing
    const newer = this.waiting
    this.writing = new Map()
    this.waiting = new Map(rows)
    for (const [customer, later] of newer) {
      const held = this.waiting.get(customer)
      if (held === undefined) {
        this.waiting.set(customer, later)
        continue
      }
      if (later.cleared) clear(held)
      held.row = later.row
      add(held, later.changes, later.count)
    }
    this.bytes = 0
    for (const [customer, held] of this.waiting) this.bytes += waitingBytes(customer, held)
  }
}

async function know(
  rows: readonly (readonly [customer: string, held: WaitingRow])[],
  counts: ChangeCounts,
): Promise<void> {
  const asked = rows.filter(([, held]) => held.known === null)
  const known = await counts.of(asked.map(([customer]) => customer))
  asked.forEach(([, held], index) => (held.known = known[index]))
}

/** Behind a write. */
function countOf({ cleared, known, count }: WaitingRow): number {
  return (cleared ? 0 : (known ?? 0)) + count
}

function clear(held: WaitingRow): void {
  held.changes = []
  held.count = 0
  held.cleared = true
}

function add(held: WaitingRow, changes: readonly Uint8Array[], count: number): void {
  held.changes.push(...changes)
  held.count += count
  const over = held.changes.length - keptChanges
  if (over > 0) held.changes.splice(0, over)
}

function encode(customer: string, held: WaitingRow, into: StoreChange[]): void {
  const key = Buffer.from(customer)
  const count = countOf(held)
  into.push({ key, value: sealedSnapshotRow(key, { ...held.row, changes: count }) })
  if (held.cleared) {
    for (let slot = slotsOf(held.count); slot < slotsOf(held.known ?? 0); slot++) {
      into.push({ key: slotKey(key, slot), value: null })
    }
  }
  const first = count - held.changes.length
  held.changes.forEach((change, index) => {
    const place = slotKey(key, (first + index) % keptChanges)
    into.push({ key: place, value: sealedChange(place, change) })
  })
}

function waitingBytes(customer: string, { row, changes }: WaitingRow): number {
  let bytes = rowBytes(customer, row)
  for (const change of changes) bytes += 60 + change.length
  return bytes
}

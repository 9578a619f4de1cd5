/** Rows in memory that wait for the disk: what waits, and what a write has taken up. */
import type { StoreChange } from '../state/store.js'
import { dayOf, type DayScores, noScores, withScore } from './day-scores.js'
import type { KnownFacts } from './known-facts.js'
import { type ChangeFormat, keptChanges, sealedChange, slotKey, slotsOf } from './stored-changes.js'
import { rowBytes, sealedSnapshotRow, type SnapshotRow, type StoredFacts } from './snapshot-row.js'
import type { TopRow } from './top-lists.js'

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
   * What the disk had before a write took these up; null before that. A write that failed may have
   * had its effect, and then the disk would tell a count that has these in it.
   */
  known: StoredFacts | null
  /** What the disk has behind the write that took these up, and what the row is to rankings. */
  facts: StoredFacts | null
  head: TopRow['head']
}

/** The history that is kept: how its changes are read, and what the disk has of each customer. */
export interface KeptHistory {
  readonly format: ChangeFormat
  readonly facts: KnownFacts
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
      held = { row, changes: [], count: 0, cleared: false, known: null, facts: null, head: null }
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
  async take(kept: KeptHistory | null): Promise<StoreChange[]> {
    const rows = [...this.waiting]
    this.writing = this.waiting
    this.waiting = new Map()
    this.bytes = 0
    const changes: StoreChange[] = []
    for (let from = 0; from < rows.length; from += SLICE_ROWS) {
      const slice = rows.slice(from, from + SLICE_ROWS)
      if (kept !== null) await know(slice, kept.facts)
      for (const [customer, held] of slice) {
        encode(customer, held, settle(held, kept?.format ?? null), changes)
      }
      if (rows.length > SLICE_ROWS) await new Promise(setImmediate)
    }
    return changes
  }

  /** Answers what was written, as far as rankings go; nothing where no history is kept. */
  written(kept: KeptHistory | null): TopRow[] {
    const rows: TopRow[] = []
    if (kept !== null) {
      for (const [customer, held] of this.writing) {
        const facts = held.facts!
        kept.facts.set(customer, facts)
        const { partition, version } = held.row
        rows.push({ customer, partition, version, head: held.head, days: facts.days })
      }
    }
    this.writing = new Map()
    return rows
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
  facts: KnownFacts,
): Promise<void> {
  const asked = rows.filter(([, held]) => held.known === null)
  const known = await facts.of(asked.map(([customer]) => customer))
  asked.forEach(([, held], index) => (held.known = known[index]))
}

/** Computes what holds behind a write: each change is looked into once. */
function settle(held: WaitingRow, format: ChangeFormat | null): StoredFacts {
  const before = held.cleared ? null : held.known
  let days: DayScores = before?.days ?? noScores
  held.head = null
  if (format !== null) {
    for (const change of held.changes) {
      held.head = format.head(change)
      days = withScore(days, dayOf(held.head.asOf), held.head.probability)
    }
    if (held.row.features === null) held.head = null
  }
  held.facts = { changes: (before?.changes ?? 0) + held.count, days }
  return held.facts
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

function encode(customer: string, held: WaitingRow, facts: StoredFacts, into: StoreChange[]): void {
  const key = Buffer.from(customer)
  into.push({ key, value: sealedSnapshotRow(key, { ...held.row, ...facts }) })
  if (held.cleared) {
    for (let slot = slotsOf(held.count); slot < slotsOf(held.known?.changes ?? 0); slot++) {
      into.push({ key: slotKey(key, slot), value: null })
    }
  }
  const first = facts.changes - held.changes.length
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

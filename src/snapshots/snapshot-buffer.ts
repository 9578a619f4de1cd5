/** Rows in memory that wait for the disk: what waits, and what a write has taken up. */
import type { StoreChange } from '../state/store.js'
import { dayOf, type DayScores, noScores, withScore, withScores } from './day-scores.js'
import type { KnownFacts } from './known-facts.js'
import {
  type Blocks,
  blocksOf,
  type ChangeFormat,
  keptChanges,
  type Places,
  sealedBlock,
  slotKey,
  slotsOf,
} from './stored-changes.js'
import {
  noFacts,
  rowBytes,
  sealedSnapshotRow,
  type SnapshotRow,
  type StoredFacts,
} from './snapshot-row.js'
import type { TopRow } from './top-lists.js'

/** A customer's newest row, and what led there since the disk was written last. */
export interface WaitingRow {
  row: SnapshotRow
  /** Where the newest of the changes are, oldest first. */
  places: number[]
  /** How many there were. */
  count: number
  /** The last scores of days before that of the row. */
  days: DayScores
  /** Whether the changes on the disk are not his any more: he was erased. */
  cleared: boolean
  /**
   * What the disk had before a write took these up; null before that. A write that failed may have
   * had its effect, and then the disk would tell a count that has these in it.
   */
  known: StoredFacts | null
  /** What the disk has behind the write that took these up, and what the row is to rankings. */
  facts: StoredFacts | null
  full: Blocks['full']
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

  /** null: no history is kept. */
  constructor(private readonly kept: KeptHistory | null) {}

  /** The newest row of a customer, if it is in memory. */
  get(customer: string): SnapshotRow | undefined {
    return (this.waiting.get(customer) ?? this.writing.get(customer))?.row
  }

  /** What is in memory of where a customer's changes are, and whether the disk has more. */
  placesOf(customer: string): { readonly places: Places[]; readonly whole: boolean } {
    const places: Places[] = []
    for (const held of [this.waiting.get(customer), this.writing.get(customer)]) {
      if (held === undefined) continue
      places.push(held.places)
      if (held.cleared) return { places, whole: true }
    }
    return { places, whole: false }
  }

  /** `featuresOffset`, `scoresOffset`: of the row and its score in the output topics. */
  set(customer: string, row: SnapshotRow, featuresOffset: number, scoresOffset: number): void {
    let held = this.waiting.get(customer)
    if (held === undefined) {
      held = waitingRow(row)
      this.waiting.set(customer, held)
    } else {
      this.bytes -= waitingBytes(customer, held)
      this.replace(held, row)
    }
    if (row.features === null) clear(held)
    else if (this.kept !== null) {
      held.places.push(featuresOffset, scoresOffset)
      held.count++
      // Trimmed at twice its size, so that it costs nothing per row.
      if (held.places.length > 4 * keptChanges) trim(held)
    }
    this.bytes += waitingBytes(customer, held)
  }

  /**
   * All that waits becomes one write; until `written` or `failed` it can be read here. Where no
   * history is kept, nothing is read for it.
   */
  async take(): Promise<StoreChange[]> {
    const { kept } = this
    const rows = [...this.waiting]
    this.writing = this.waiting
    this.waiting = new Map()
    this.bytes = 0
    const changes: StoreChange[] = []
    for (let from = 0; from < rows.length; from += SLICE_ROWS) {
      const slice = rows.slice(from, from + SLICE_ROWS)
      if (kept !== null) await know(slice, kept.facts)
      for (const [customer, held] of slice) {
        settle(held, kept?.format ?? null)
        encode(customer, held, changes)
      }
      if (rows.length > SLICE_ROWS) await new Promise(setImmediate)
    }
    return changes
  }

  /** Answers what was written, as far as rankings go; nothing where no history is kept. */
  written(): TopRow[] {
    const { kept } = this
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
      this.replace(held, later.row)
      if (later.cleared) clear(held)
      held.days = withScores(held.days, later.days)
      held.places.push(...later.places)
      held.count += later.count
      trim(held)
    }
    this.bytes = 0
    for (const [customer, held] of this.waiting) this.bytes += waitingBytes(customer, held)
  }

  /** The score of a row that gives way is needed only where the day turns. */
  private replace(held: WaitingRow, row: SnapshotRow): void {
    const before = held.row
    held.row = row
    if (this.kept === null || before.features === null || row.features === null) return
    const { format } = this.kept
    const day = dayOf(format.asOf(before.features))
    if (day === dayOf(format.asOf(row.features))) return
    const { probability } = format.head(before.features, before.score)
    held.days = withScore(held.days, day, probability)
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

/** Computes what holds behind a write. */
function settle(held: WaitingRow, format: ChangeFormat | null): void {
  const before = held.cleared || held.known === null ? noFacts : held.known
  const { features, score } = held.row
  held.head = format === null || features === null ? null : format.head(features, score)
  const changes = before.changes + held.count
  const isAll = held.places.length === 2 * held.count
  const places = isAll ? [...before.open, ...held.places] : held.places
  const { full, open } = blocksOf(places, changes)
  held.full = full
  held.facts = { changes, open, days: daysOf(before.days, held) }
}

function daysOf(before: DayScores, { days, head }: WaitingRow): DayScores {
  const all = withScores(before, days)
  return head === null ? all : withScore(all, dayOf(head.asOf), head.probability)
}

function clear(held: WaitingRow): void {
  held.places = []
  held.count = 0
  held.days = noScores
  held.cleared = true
}

function trim(held: WaitingRow): void {
  if (held.places.length > 2 * keptChanges) held.places = held.places.slice(-2 * keptChanges)
}

function encode(customer: string, held: WaitingRow, into: StoreChange[]): void {
  const key = Buffer.from(customer)
  into.push({ key, value: sealedSnapshotRow(key, held.row, held.facts!) })
  if (held.cleared) {
    for (let slot = slotsOf(held.count); slot < slotsOf(held.known?.changes ?? 0); slot++) {
      into.push({ key: slotKey(key, slot), value: null })
    }
  }
  for (const [slot, places] of held.full) {
    const place = slotKey(key, slot)
    into.push({ key: place, value: sealedBlock(place, places) })
  }
}

function waitingRow(row: SnapshotRow): WaitingRow {
  return {
    row,
    places: [],
    count: 0,
    days: noScores,
    cleared: false,
    known: null,
    facts: null,
    full: [],
    head: null,
  }
}

function waitingBytes(customer: string, { row, places }: WaitingRow): number {
  return rowBytes(customer, row) + 8 * places.length
}

/** Rows in memory that wait for the disk: what waits, and what a write has taken up. */
import type { StoreChange } from '../state/store.js'
import {
  changesIn,
  clearFacts,
  daysEnd,
  daysFrom,
  type Facts,
  factsStride,
  type FullBlock,
  loadFacts,
  noFacts,
  storedFacts,
} from './facts.js'
import type { KnownFacts } from './known-facts.js'
import { sealedSnapshotRow, type SnapshotRow } from './snapshot-row.js'
import { type ChangeFormat, type Places, sealedBlock, slotKey, slotsOf } from './stored-changes.js'
import type { PartitionProof, SnapshotPut } from './snapshots.js'
import type { TopKeeper } from './top-keeper.js'
import { WaitingRow } from './waiting-row.js'

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
  /** Of the customer at hand, at 0. */
  private readonly facts: Facts = new Float64Array(factsStride)

  /** null: no history is kept. */
  constructor(private readonly kept: KeptHistory | null) {}

  /** The newest row of a customer, if it is in memory; the next one is written over it. */
  get(customer: string): SnapshotRow | undefined {
    return this.waiting.get(customer) ?? this.writing.get(customer)
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
  set(
    put: SnapshotPut,
    { partition, commit }: PartitionProof,
    featuresOffset: number,
    scoresOffset: number,
  ): void {
    const { kept } = this
    let held = this.waiting.get(put.customer)
    if (held === undefined) {
      held = new WaitingRow(put, partition, commit)
      this.waiting.set(put.customer, held)
    } else {
      this.bytes -= held.bytes
      held.replace(put, partition, commit, kept?.format ?? null)
    }
    if (put.features === null) held.clear()
    else if (kept !== null) held.addChange(featuresOffset, scoresOffset)
    this.bytes += held.bytes
  }

  /**
   * All that waits becomes one write; until `written` or `failed` it can be read here. Where no
   * history is kept, nothing is read for it.
   */
  async take(): Promise<StoreChange[]> {
    const { kept } = this
    const rows = [...this.waiting.values()]
    this.writing = this.waiting
    this.waiting = new Map()
    this.bytes = 0
    const changes: StoreChange[] = []
    for (let from = 0; from < rows.length; from += SLICE_ROWS) {
      const slice = rows.slice(from, from + SLICE_ROWS)
      if (kept !== null) await know(slice, kept.facts)
      for (const held of slice) this.encode(held, changes)
      if (rows.length > SLICE_ROWS) await new Promise(setImmediate)
    }
    return changes
  }

  /** What was taken is on the disk now; the rankings hear of it. */
  written(top: TopKeeper | null): void {
    const { kept, writing } = this
    this.writing = new Map()
    if (kept === null || top === null) return
    const { facts } = kept
    advance(top, writing.values())
    // Those who have a slot first: whoever is put may take the slot of another.
    const others: WaitingRow[] = []
    for (const held of writing.values()) {
      if (held.slot < 0) {
        others.push(held)
        continue
      }
      const chunk = facts.chunkOf(held.slot)
      const at = facts.placeOf(held.slot)
      if (held.cleared) clearFacts(chunk, at)
      held.addTo(chunk, at, null)
      top.look(held, chunk, daysFrom(at), daysEnd(chunk, at))
    }
    for (const held of others) {
      this.load(held)
      held.addTo(this.facts, 0, null)
      facts.put(held.customer, this.facts)
      top.look(held, this.facts, daysFrom(0), daysEnd(this.facts, 0))
    }
    top.makeWhereDue()
  }

  /** The rows wait again, but for those of which a newer one has come: its changes are behind. */
  failed(): void {
    const rows = this.writing
    const newer = this.waiting
    this.writing = new Map()
    this.waiting = new Map(rows)
    for (const held of rows.values()) this.keepKnown(held)
    for (const [customer, later] of newer) {
      const held = this.waiting.get(customer)
      if (held === undefined) this.waiting.set(customer, later)
      else held.follow(later, this.kept?.format ?? null)
    }
    this.bytes = 0
    for (const held of this.waiting.values()) this.bytes += held.bytes
  }

  private keepKnown(held: WaitingRow): void {
    if (this.kept === null || held.slot < 0) return
    const { facts } = this.kept
    held.known = storedFacts(facts.chunkOf(held.slot), facts.placeOf(held.slot))
    held.slot = -1
  }

  /** What the disk has of a customer before the write. */
  private load(held: WaitingRow): void {
    if (this.kept === null || held.cleared) clearFacts(this.facts, 0)
    else if (held.slot >= 0) this.kept.facts.copy(held.slot, this.facts)
    else loadFacts(this.facts, 0, held.known ?? noFacts)
  }

  private encode(held: WaitingRow, into: StoreChange[]): void {
    const { kept, facts } = this
    const full: FullBlock[] = []
    this.load(held)
    if (kept !== null) held.readHead(kept.format)
    held.addTo(facts, 0, full)
    const key = Buffer.from(held.customer)
    into.push({ key, value: sealedSnapshotRow(key, held, facts) })
    if (held.cleared) {
      for (let slot = slotsOf(held.count); slot < slotsOf(this.changesBefore(held)); slot++) {
        into.push({ key: slotKey(key, slot), value: null })
      }
    }
    for (const [slot, places] of full) {
      const place = slotKey(key, slot)
      into.push({ key: place, value: sealedBlock(place, places) })
    }
  }

  private changesBefore({ slot, known }: WaitingRow): number {
    if (this.kept === null || slot < 0) return known?.changes ?? 0
    return changesIn(this.kept.facts.chunkOf(slot), this.kept.facts.placeOf(slot))
  }
}

/**
 * Lists of moves are of a day. They turn before they hear of the rows, and not with them: where time
 * flies a write has rows of many days, and lists of those between would be made for nothing.
 */
function advance(top: TopKeeper, rows: Iterable<WaitingRow>): void {
  const newest = new Map<number, number>()
  for (const { partition, head } of rows) {
    if (head !== null && head.asOf > (newest.get(partition) ?? -Infinity)) {
      newest.set(partition, head.asOf)
    }
  }
  for (const [partition, asOf] of newest) top.advance(partition, asOf)
}

/** Finds what the disk has of each, in memory or there. */
async function know(rows: readonly WaitingRow[], facts: KnownFacts): Promise<void> {
  const missing: WaitingRow[] = []
  for (const held of rows) {
    if (held.known !== null) continue
    held.slot = facts.find(held.customer)
    if (held.slot >= 0) continue
    if (facts.isWhole) held.known = noFacts
    else missing.push(held)
  }
  if (missing.length === 0) return
  const read = await facts.read(missing.map(({ customer }) => customer))
  missing.forEach((held, index) => (held.known = read[index] ?? noFacts))
}

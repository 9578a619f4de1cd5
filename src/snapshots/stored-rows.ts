/** What the disk has of the snapshots: rows, and where changes are, behind their seals. */
import { TidemarkError } from '../errors.js'
import { unsealed } from '../state/checksum.js'
import type { ReopenedStore } from './reopened-store.js'
import { decodeSnapshotRow, snapshotOf, type StoredRow } from './snapshot-row.js'
import type { Snapshot } from './snapshots.js'
import { decodePlaces, isSlotKey, type Places, slotKey, slotsOf } from './stored-changes.js'

/** Damaged values read as absent, and are told. */
export class StoredRows {
  constructor(
    private readonly store: ReopenedStore,
    private readonly damaged: (text: string) => void,
  ) {}

  async rows(customers: readonly string[]): Promise<(StoredRow | null)[]> {
    const keys = customers.map((customer) => Buffer.from(customer))
    const values = await this.#values(keys, (index) => customers[index])
    return values.map((payload) => payload && decodeSnapshotRow(payload))
  }

  /** Where a customer's changes are, in no order that matters. */
  async places(customer: string): Promise<Places[]> {
    const [row] = await this.rows([customer])
    if (row === null || row.features === null) return []
    const key = Buffer.from(customer)
    const keys = Array.from({ length: slotsOf(row.changes) }, (_, slot) => slotKey(key, slot))
    const blocks = await this.#values(keys, () => customer)
    return [
      row.open,
      ...blocks.flatMap((block) => (block === null ? [] : [decodePlaces(block)[0]])),
    ]
  }

  async *scan(): AsyncIterable<readonly Snapshot[]> {
    for await (const portion of this.scanRows()) {
      yield portion.flatMap(([customer, row]) => snapshotOf(customer, row) ?? [])
    }
  }

  /** All rows, those of erased customers too. `onDamaged`: one is passed over. */
  async *scanRows(
    onDamaged: () => void = () => undefined,
  ): AsyncIterable<readonly (readonly [customer: string, row: StoredRow])[]> {
    const view = await this.store.view()
    try {
      for await (const portion of view.scan()) {
        const rows: (readonly [string, StoredRow])[] = []
        for (const [key, value] of portion) {
          // In the order of keys the blocks come behind all rows.
          if (isSlotKey(key)) break
          const payload = unsealed(key, value)
          // A lookup of the customer will say so.
          if (payload === null) onDamaged()
          else rows.push([Buffer.from(key).toString(), decodeSnapshotRow(payload)])
        }
        if (rows.length > 0) yield rows
        if (rows.length < portion.length && isSlotKey(portion.at(-1)![0])) return
      }
    } finally {
      await view.close()
    }
  }

  async #values(
    keys: readonly Uint8Array[],
    customerOf: (index: number) => string,
  ): Promise<(Uint8Array | null)[]> {
    try {
      const values = await this.store.getMany(keys)
      return values.map((value, index) => {
        if (value === undefined) return null
        const payload = unsealed(keys[index], value)
        if (payload !== null) return payload
        this.damaged(`the snapshot of customer ${JSON.stringify(customerOf(index))} is damaged`)
        return null
      })
    } catch (error) {
      if (!isDamage(error)) throw error
      this.damaged(error.message)
      return keys.map(() => null)
    }
  }
}

export function isDamage(error: unknown): error is TidemarkError {
  return error instanceof TidemarkError && error.code === 'STORE_DAMAGED'
}

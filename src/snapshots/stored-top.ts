import type { KnownFacts } from './known-facts.js'
import type { StoredRow } from './snapshot-row.js'
import type { ChangeFormat } from './stored-changes.js'
import type { StoredRows } from './stored-rows.js'
import { TopKeeper } from './top-keeper.js'
import type { TopRow } from './top-lists.js'

/**
 * The top lists of what a disk has. `facts` hear what the first scan finds, for it passes all customers
 * anyway. `everyMs`: between two scans; undefined: as they are.
 */
export function storedTop(
  stored: StoredRows,
  format: ChangeFormat,
  facts: KnownFacts,
  everyMs: number | undefined,
): TopKeeper {
  const topRow = (customer: string, row: StoredRow): TopRow => {
    const { partition, version, features, score, days } = row
    const head = features === null ? null : format.head(features, score)
    return { customer, partition, version, head, days }
  }
  const source = {
    async *scan() {
      let isWhole = true
      for await (const portion of stored.scanRows(() => (isWhole = false))) {
        for (const [customer, row] of portion) facts.found(customer, row)
        yield portion.map(([customer, row]) => topRow(customer, row))
      }
      if (isWhole) facts.scanned()
    },
    rows: async (customers: readonly string[]) =>
      (await stored.rows(customers)).map((row, index) => row && topRow(customers[index], row)),
  }
  return new TopKeeper(source, { ...(everyMs !== undefined && { everyMs }), isSoleWriter: true })
}

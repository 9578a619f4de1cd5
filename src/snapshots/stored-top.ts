import type { StoredRow } from './snapshot-row.js'
import type { ChangeFormat } from './stored-changes.js'
import type { StoredRows } from './stored-rows.js'
import { TopKeeper } from './top-keeper.js'
import type { TopRow } from './top-lists.js'

/** The top lists of what a disk has. `everyMs`: between two scans of it; undefined: as they are. */
export function storedTop(
  stored: StoredRows,
  format: ChangeFormat,
  everyMs: number | undefined,
): TopKeeper {
  const topRow = (customer: string, row: StoredRow): TopRow => {
    const { partition, version, features, score, days } = row
    const head = features === null ? null : format.head(features, score)
    return { customer, partition, version, head, days }
  }
  const source = {
    async *scan() {
      for await (const portion of stored.scanRows()) {
        yield portion.map(([customer, row]) => topRow(customer, row))
      }
    },
    rows: async (customers: readonly string[]) =>
      (await stored.rows(customers)).map((row, index) => row && topRow(customers[index], row)),
  }
  return new TopKeeper(source, { ...(everyMs !== undefined && { everyMs }), isSoleWriter: true })
}

/** The tables of a partition that lookup joins build: rows by the records' keys, and how many. */
import type { Reject } from '../events/event.js'
import type { Entry } from '../state/entry.js'
import type { Overlay } from '../state/overlay.js'
import type { KeyState } from './windows/key-state.js'

/** The largest row of a table, in UTF-16 units of its JSON. */
export const rowLengthMax = 65_536

const prefix = '\u0000'

/** The state key of the rows of a record's key: apart from what is aggregated by the same key. */
export const tableKey = (key: string): string => prefix + key

/** The state key of the numbers of rows. */
export const tablesHead = prefix

/** Such a key would be taken for a table's. */
export const isReservedKey = (key: string): boolean => key.startsWith(prefix)

export const reservedKey: Reject = { code: 'KEY_INVALID', reason: 'the key begins with U+0000' }

export class Tables {
  constructor(private readonly overlay: Overlay<KeyState>) {}

  /** Says that an operator joins; told before anything runs, so that rows can be at hand. */
  use(_table: string): void {}

  /** The newest row, or null. */
  row(entry: Entry<unknown>, table: string): unknown {
    return (entry.state as KeyState).rows.get(table) ?? null
  }

  /** Puts a row (null: takes it away), or answers why not. */
  put(entry: Entry<unknown>, table: string, row: unknown, rowsMax: number): Reject | null {
    const had = (entry.state as KeyState).rows.has(table)
    // undefined is no JSON, and no row.
    const text = row === undefined || row === null ? null : JSON.stringify(row)
    if (text !== null && text.length > rowLengthMax) {
      const reason = `table ${table}: a row of ${text.length} characters, at most ${rowLengthMax}`
      return { code: 'TABLE_ROW_TOO_LARGE', reason }
    }
    if (text !== null && !had && this.count(table) >= rowsMax) {
      return { code: 'TABLE_FULL', reason: `table ${table} has ${rowsMax} rows, its bound` }
    }
    if (text === null && !had) return null
    const state = this.overlay.change(entry as Entry<KeyState>)
    // As it would be after a restart.
    state.put(table, text === null ? undefined : JSON.parse(text))
    if (had !== (text !== null)) this.add(table, had ? -1 : 1)
    return null
  }

  /** Takes all rows of a record's key away. */
  erase(entry: Entry<unknown>): void {
    for (const table of (entry.state as KeyState).rows.keys()) this.put(entry, table, null, 0)
  }

  private get head(): Entry<KeyState> {
    return this.overlay.entry(tablesHead)!
  }

  private count(table: string): number {
    return (this.head.state.rows.get(table) as number | undefined) ?? 0
  }

  private add(table: string, change: number): void {
    this.overlay.change(this.head).put(table, this.count(table) + change)
  }
}

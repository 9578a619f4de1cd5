/** What a topology of one's own keeps of a key: its windows, and as a record's key, rows of tables. */
import { cellOf, type StateCodec } from '../../state/codec.js'

/** `[start, end)` in ms UTC, and what was aggregated in it. */
export class Window {
  /** An event has changed it since the last commit. */
  touched = false
  /** Of the accumulators that may grow; null: not weighed since it was read. */
  bytes: number | null = null

  constructor(
    public start: number,
    public end: number,
    /** One accumulator a value, JSON each. */
    public accumulators: unknown[],
  ) {}
}

export class KeyState {
  /** By start, ascending. */
  windows: Window[] = []
  /** Closed by the log clock since the last commit, which tells them; never stored. */
  owed: Window[] = []
  readonly rows = new Map<string, unknown>()
  windowsChanged = false
  rowsChanged = false

  put(table: string, row: unknown): void {
    if (row === undefined) this.rows.delete(table)
    else this.rows.set(table, row)
    this.rowsChanged = true
  }
}

const windowsCell = cellOf(0, 0)
const rowsCell = cellOf(1, 0)

/** JSON has no Infinity: null is the end of a window that has none. */
type StoredWindow = [start: number, end: number | null, ...accumulators: unknown[]]

/** Bytes are JSON: the same windows and rows give the same bytes, whatever came between. */
export const keyStateCodec: StateCodec<KeyState> = {
  create: () => new KeyState(),
  roots: [windowsCell, rowsCell],
  further: () => [],
  decode: (cells) => {
    const state = new KeyState()
    const windows = parse(cells.get(windowsCell)) as StoredWindow[]
    state.windows = windows.map(([start, end, ...rest]) => new Window(start, end ?? Infinity, rest))
    const rows = parse(cells.get(rowsCell)) as [string, unknown][]
    for (const [table, row] of rows) state.rows.set(table, row)
    return state
  },
  encode: (state, emit) => {
    if (state.windowsChanged) {
      state.windowsChanged = false
      const { windows } = state
      const stored = windows.map(({ start, end, accumulators }) => [start, end, ...accumulators])
      emit(windowsCell, windows.length === 0 ? null : bytesOf(stored))
    }
    if (state.rowsChanged) {
      state.rowsChanged = false
      // Sorted: which table came first would show otherwise, after one was taken away.
      const rows = [...state.rows].sort(([a], [b]) => (a < b ? -1 : 1))
      emit(rowsCell, rows.length === 0 ? null : bytesOf(rows))
    }
  },
  weigh: ({ windows, rows }) => 120 + windows.length * 150 + rows.size * 300,
}

const bytesOf = (value: unknown): Uint8Array => Buffer.from(JSON.stringify(value))

function parse(bytes: Uint8Array | undefined): unknown {
  return bytes === undefined ? [] : JSON.parse(Buffer.from(bytes).toString('utf8'))
}

/**
 * How a customer's hot object becomes cells (small keys of their own), and back.
 *
 * A cell is named by a number: kind · 2^32 + index, with kind < 256 and index < 2^32. The overlay
 * makes the store's key of it. A cell's bytes are a function of its content alone: the same prefix
 * of the log gives the same bytes whatever the borders of commits and flushes were.
 */
export interface StateCodec<S> {
  create(): S
  /** Cells that are read first, for every customer. */
  readonly roots: readonly number[]
  /** The further cells that the roots' bytes name; empty for nearly all customers. */
  further(roots: readonly (Uint8Array | undefined)[]): readonly number[]
  /** `cells` holds the roots and further cells that exist. Throws where bytes make no sense. */
  decode(cells: ReadonlyMap<number, Uint8Array>): S
  /**
   * Emits each cell that changed since it was last encoded (null: it is gone), and forgets that.
   * The bytes hold during the call of `emit` only.
   */
  encode(state: S, emit: (cell: number, value: Uint8Array | null) => void): void
  /** A rough size of the object in memory, in bytes. */
  weigh(state: S): number
}

/** @example cellOf(2, 7) // 8589934599 */
export function cellOf(kind: number, index: number): number {
  return kind * 4_294_967_296 + index
}

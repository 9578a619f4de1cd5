/** One declared feature as a column: its name and the type of its values. */
export interface Column {
  readonly name: string
  /** Counts and days are `long`, other numbers `double`, categories `string`. */
  readonly type: 'long' | 'double' | 'string'
}

/** Why a row is emitted. */
export type Cause = 'event' | 'time' | 'rescore'

/**
 * Feature rows of one commit (or of one step of a replay), laid out flat so that reading a row
 * allocates nothing.
 *
 * Numbers of row r stand at `numbers[r * numericCount + i]`, in declared order of the numeric
 * columns; NaN is null (a feature never has the value NaN). Strings likewise.
 */
export class FeatureRows {
  readonly numericCount: number
  readonly stringCount: number
  numbers: Float64Array
  strings: (string | null)[]
  customers: string[] = []
  causes: Cause[] = []
  /** First instant at which a value may change by time alone; Infinity: never. */
  validUntil: number[] = []
  retired: boolean[] = []
  eligible: boolean[] = []
  /** The number of rows. */
  length = 0

  constructor(
    readonly columns: readonly Column[],
    capacity = 64,
  ) {
    this.stringCount = columns.filter((column) => column.type === 'string').length
    this.numericCount = columns.length - this.stringCount
    this.numbers = new Float64Array(capacity * this.numericCount)
    this.strings = []
  }

  /** Opens a row for a customer and returns its index; the caller fills in the values. */
  add(customer: string, cause: Cause): number {
    const row = this.length++
    if (this.length * this.numericCount > this.numbers.length) {
      const grown = new Float64Array(Math.max(64, this.numbers.length * 2))
      grown.set(this.numbers)
      this.numbers = grown
    }
    this.customers.push(customer)
    this.causes.push(cause)
    return row
  }

  /** Takes back the last row: its customer was not asked for after all. */
  removeLast(): void {
    this.length--
    this.customers.pop()
    this.causes.pop()
  }
}

/**
 * Feature rows and scores as the texts that other systems take over: the values as one JSON object,
 * without the objects in between that `OutputRows` makes. V1: the JSON is that of its values.
 */
import { openRow } from './output-head.js'
import type { RowLayout } from './output-rows.js'
import { risks, type Risk } from './output-schemas.js'
import { RowReader } from './row-reader.js'

export interface FeaturesText {
  readonly asOf: number
  /** null: never by time alone. */
  readonly validUntil: number | null
  readonly retired: boolean
  /** One JSON object, in declared order. */
  readonly values: string
}

export interface ScoreText {
  readonly probability: number | null
  readonly risk: Risk
  /** Name and version of the model in force. */
  readonly model: string
}

const hashBytes = 32

/** Reads the rows of one app, each from its beginning. */
export class OutputTexts {
  readonly #columns: readonly { readonly name: string; readonly type: string }[]
  readonly #row = new RowReader()

  constructor({ columns }: Pick<RowLayout, 'columns'>) {
    this.#columns = columns.map(({ name, type }, index) => ({
      name: `${index === 0 ? '{' : ','}${JSON.stringify(name)}:`,
      type,
    }))
  }

  /** @throws RangeError where the bytes are no feature row of this app */
  features(bytes: Uint8Array): FeaturesText {
    const row = this.#row
    const { asOf } = openRow(row, bytes)
    row.skipString()
    row.skip(hashBytes)
    const validUntil = this.#change()
    const retired = row.boolean()
    // Whether he is eligible.
    row.skip(1)
    const values = this.#values()
    if (!row.isAtEnd) throw new RangeError('a feature row does not end here')
    return { asOf, validUntil, retired, values }
  }

  /** @throws RangeError where the bytes are no score */
  score(bytes: Uint8Array): ScoreText {
    const row = this.#row
    openRow(row, bytes)
    const model = `${row.string()}/${row.string()}`
    row.skip(hashBytes)
    // Experiment and variant.
    for (let skipped = 0; skipped < 2; skipped++) if (row.isThere()) row.skipString()
    this.#change()
    const probability = row.isThere() ? row.float() : null
    return { probability, risk: risks[row.long()], model }
  }

  /** Cause; answers until when it holds. */
  #change(): number | null {
    this.#row.long()
    return this.#row.isThere() ? this.#row.long() : null
  }

  #values(): string {
    let text = ''
    for (const { name, type } of this.#columns) text += name + this.#value(type)
    return text === '' ? '{}' : `${text}}`
  }

  #value(type: string): string | number {
    const row = this.#row
    if (!row.isThere()) return 'null'
    if (type === 'long') return row.long()
    return type === 'double' ? row.double() : JSON.stringify(row.string())
  }
}

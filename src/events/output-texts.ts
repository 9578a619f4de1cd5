/**
 * Feature rows and scores as the texts that other systems take over: the values as one JSON object,
 * without the objects in between that `OutputRows` makes. V1: the JSON is that of its values.
 */
import type { RowLayout } from './output-rows.js'
import { risks, type Risk } from './output-schemas.js'

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

const registryHeaderBytes = 5
const hashBytes = 32

/** Reads the rows of one app, each from its beginning. */
export class OutputTexts {
  readonly #columns: readonly { readonly name: string; readonly type: string }[]
  #bytes: Buffer = Buffer.alloc(0)
  #at = 0

  constructor({ columns }: Pick<RowLayout, 'columns'>) {
    this.#columns = columns.map(({ name, type }, index) => ({
      name: `${index === 0 ? '{' : ','}${JSON.stringify(name)}:`,
      type,
    }))
  }

  /** @throws RangeError where the bytes are no feature row of this app */
  features(bytes: Uint8Array): FeaturesText {
    const asOf = this.#begin(bytes)
    this.#skipString()
    this.#at += hashBytes
    const validUntil = this.#change()
    const retired = this.#bytes[this.#at] === 1
    // Behind it, whether he is eligible.
    this.#at += 2
    const values = this.#values()
    if (this.#at !== this.#bytes.length) throw new RangeError('a feature row does not end here')
    return { asOf, validUntil, retired, values }
  }

  /** @throws RangeError where the bytes are no score */
  score(bytes: Uint8Array): ScoreText {
    this.#begin(bytes)
    const model = `${this.#string()}/${this.#string()}`
    this.#at += hashBytes
    // Experiment and variant.
    for (let skipped = 0; skipped < 2; skipped++) if (this.#isThere()) this.#skipString()
    this.#change()
    const probability = this.#isThere() ? this.#float() : null
    return { probability, risk: risks[this.#long()], model }
  }

  /** Coordinates; answers the instant. */
  #begin(bytes: Uint8Array): number {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
    this.#at = registryHeaderBytes
    this.#skipString()
    this.#skipString()
    this.#long()
    this.#long()
    const asOf = this.#long()
    this.#long()
    return asOf
  }

  /** Cause; answers until when it holds. */
  #change(): number | null {
    this.#long()
    return this.#isThere() ? this.#long() : null
  }

  #values(): string {
    let text = ''
    for (const { name, type } of this.#columns) text += name + this.#value(type)
    return text === '' ? '{}' : `${text}}`
  }

  #value(type: string): string | number {
    if (!this.#isThere()) return 'null'
    if (type === 'long') return this.#long()
    return type === 'double' ? this.#double() : JSON.stringify(this.#string())
  }

  /** Of a union with null first. */
  #isThere(): boolean {
    return this.#long() !== 0
  }

  /**
   * An Avro long up to ±(2^53 − 1): zigzag, seven bits a byte, the lowest first. The sign's bit is
   * kept apart, as the whole number in zigzag form, twice the value, would be rounded.
   */
  #long(): number {
    const bytes = this.#bytes
    const first = bytes[this.#at++] ?? 128
    let value = (first & 127) >> 1
    let scale = 64
    let last = first
    for (let count = 1; last > 127 && count < 8; count++) {
      last = bytes[this.#at++] ?? 128
      value += (last & 127) * scale
      scale *= 128
    }
    if (last > 127) throw new RangeError('a number does not end')
    return first & 1 ? -value - 1 : value
  }

  #double(): number {
    this.#at += 8
    return this.#bytes.readDoubleLE(this.#at - 8)
  }

  #float(): number {
    this.#at += 4
    return this.#bytes.readFloatLE(this.#at - 4)
  }

  #string(): string {
    const length = this.#skipString()
    return this.#bytes.toString('utf8', this.#at - length, this.#at)
  }

  /** Answers how many bytes it had. */
  #skipString(): number {
    const length = this.#long()
    this.#at += length
    return length
  }
}

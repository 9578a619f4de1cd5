import { ioError } from '../errors.js'
import { sealIn, unsealed } from './checksum.js'
import { noCells, type StoredCells, withCell } from './stored-cells.js'

/** Cells of one customer as a store has them. */
export class FoundCells {
  stored: StoredCells = noCells
  readonly payloads = new Map<number, Uint8Array>()

  constructor(readonly customer: string) {}

  /** Takes a stored value over and answers its payload. Throws `STORE_DAMAGED`. */
  take(cell: number, key: Buffer, value: Uint8Array | undefined): Uint8Array | undefined {
    if (value === undefined) return undefined
    const payload = unsealed(key, value)
    if (payload === null) {
      const text = `the state of customer ${JSON.stringify(this.customer)} has a broken seal`
      throw ioError('STORE_DAMAGED', text)
    }
    this.stored = withCell(this.stored, cell, sealIn(value))
    this.payloads.set(cell, payload)
    return payload
  }
}

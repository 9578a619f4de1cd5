/** Which keys were erased, and where: what `EventLog.erasures` answers from. */
import { isUtf8 } from 'node:buffer'

export class ErasureIndex {
  readonly #entries: (readonly [key: string, offset: number])[] = []

  /** To be called in the order of the offsets. */
  add(key: Buffer | null, offset: number): void {
    if (key !== null && erasesCustomer(key)) this.#entries.push([key.toString('utf8'), offset])
  }

  /** Each erased key with the offset of its newest null value below `endOffset`. */
  below(endOffset: number): Map<string, number> {
    const newest = new Map<string, number>()
    for (const [key, offset] of this.#entries) {
      if (offset < endOffset) newest.set(key, offset)
    }
    return newest
  }
}

/**
 * Whether a null value under this key erases somebody. Ids are UTF-8; other bytes name nobody, and
 * as text they would collide in U+FFFD and erase somebody else.
 */
export function erasesCustomer(key: Buffer | null): key is Buffer {
  return key !== null && isUtf8(key)
}

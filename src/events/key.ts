/** The customer a record belongs to: its key, as text. */
import { isUtf8 } from 'node:buffer'
import type { Reject } from './event.js'

/** Longest customer id, in UTF-8 bytes. */
export const KEY_BYTES_MAX = 256

const missing: Reject = { code: 'KEY_MISSING', reason: 'the record has no key' }
const invalid: Reject = { code: 'KEY_INVALID', reason: 'the key is not valid UTF-8' }

/**
 * The customer id that a key's bytes say. They are taken as they are: no trimming, no
 * normalisation, whatever they hold, so that equal ids are equal bytes and nothing else.
 *
 * @example keyText(Buffer.from('0042')) // '0042'
 */
export function keyText(key: Buffer | null): string | Reject {
  if (key === null || key.length === 0) return missing
  if (key.length > KEY_BYTES_MAX) {
    return {
      code: 'KEY_TOO_LONG',
      reason: `the key has ${key.length} bytes; at most ${KEY_BYTES_MAX} are allowed`,
    }
  }
  const customer = key.toString()
  // What is no UTF-8 becomes U+FFFD, so that without one there is nothing to check.
  return customer.includes('\uFFFD') && !isUtf8(key) ? invalid : customer
}

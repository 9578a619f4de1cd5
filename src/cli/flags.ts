/** Values of flags, read strictly: each refuses with one sentence that names what was due. */
import { InvalidArgumentError } from 'commander'
import { KEY_BYTES_MAX } from '../events/key.js'

/** A whole number in a range, both ends included. */
export function wholeNumber(what: string, min: number, max: number): (text: string) => number {
  return (text) => {
    const value = /^\d{1,16}$/.test(text) ? Number(text) : NaN
    if (!(value >= min && value <= max)) {
      throw new InvalidArgumentError(`${what} is a whole number from ${min} to ${max}.`)
    }
    return value
  }
}

/** A positive decimal number up to `max`; no exponent, no sign. */
export function positiveNumber(what: string, max: number): (text: string) => number {
  return (text) => {
    const value = /^\d{1,12}(\.\d{1,9})?$/.test(text) ? Number(text) : NaN
    if (!(value > 0 && value <= max)) {
      throw new InvalidArgumentError(`${what} is a number above 0, at most ${max}.`)
    }
    return value
  }
}

/** Above a year of events in a second nothing could keep up, and nobody could look. */
const SPEED_MAX = 31_536_000

/**
 * How fast event time runs against the wall clock: `1x`, `1000x`, `0.5x`, or `max` for as fast as
 * it can be read.
 */
export function speed(text: string): number | 'max' {
  if (text === 'max') return 'max'
  const value = /^\d{1,9}(\.\d{1,9})?x$/.test(text) ? Number(text.slice(0, -1)) : NaN
  if (!(value > 0 && value <= SPEED_MAX)) {
    throw new InvalidArgumentError(`a speed is written 1000x (at most ${SPEED_MAX}x), or max.`)
  }
  return value
}

/** Text that must not be empty: a name or a path. */
export function nonEmpty(what: string): (text: string) => string {
  return (text) => {
    if (text === '') throw new InvalidArgumentError(`${what} must not be empty.`)
    return text
  }
}

/** An id of a customer, as it is: no trimming, no normalisation. */
export function customerId(text: string): string {
  const bytes = Buffer.byteLength(text)
  if (bytes === 0 || bytes > KEY_BYTES_MAX) {
    throw new InvalidArgumentError(`a customer id has 1 to ${KEY_BYTES_MAX} bytes.`)
  }
  return text
}

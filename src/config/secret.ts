/**
 * A text that must not be read by accident: printed, logged or turned into JSON it says so little
 * that it may be seen by anybody.
 */
import { inspect } from 'node:util'

const mask = '***'

export class Secret {
  readonly #text: string
  readonly #shown: string

  /** `shown` is what may be seen; three stars unless said otherwise. */
  constructor(text: string, shown: string = mask) {
    this.#text = text
    this.#shown = shown
  }

  /** The text itself, for whoever has to send it. */
  reveal(): string {
    return this.#text
  }

  toString(): string {
    return this.#shown
  }

  toJSON(): string {
    return this.#shown
  }

  [inspect.custom](): string {
    return this.#shown
  }
}

/**
 * The address with its password masked; masked as a whole where it cannot be read.
 *
 * @example maskedUrl('redis://app:secret@cache:6379/1') // 'redis://app:***@cache:6379/1'
 */
export function maskedUrl(text: string): string {
  let url: URL
  try {
    url = new URL(text)
  } catch {
    return mask
  }
  if (url.password === '') return text
  url.password = mask
  return url.href
}

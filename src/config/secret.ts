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

/** Parameters of an address that some servers take a password from. */
const secretParameter = /pass|secret|token|key|auth/i

/**
 * The address with its password masked, and with parameters that look like one; masked as a whole
 * where it cannot be read.
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
  const secrets = [...url.searchParams.keys()].filter((name) => secretParameter.test(name))
  if (url.password === '' && secrets.length === 0) return text
  if (url.password !== '') url.password = mask
  for (const name of secrets) url.searchParams.set(name, mask)
  return url.href
}

/** The text without what stands before an `@`, which in an address is a user with his password. */
export function withoutUser(text: string): string {
  return text.replace(/[^\s/@"']+@/g, `${mask}@`)
}

import { configurationError } from '../errors.js'

/** The names of an app's keys; another generation of state has names of its own. */
export class RedisKeys {
  readonly #prefix: string

  /**
   * Begin with `prefix` and a colon, if there is one. Throws `REDIS_PREFIX_INVALID` where a part
   * would make names ambiguous.
   */
  constructor(app: string, generation: string, prefix: string | null = null) {
    const parts = prefix === null ? { app, generation } : { prefix, app, generation }
    for (const [what, name] of Object.entries(parts)) {
      if (/^[A-Za-z0-9_.-]+$/.test(name)) continue
      const text = `${what} ${JSON.stringify(name)} of the keys in Redis`
      throw configurationError(
        'REDIS_PREFIX_INVALID',
        `${text}: letters, digits, dot, dash and underscore are allowed`,
      )
    }
    this.#prefix = Object.values(parts).join(':')
  }

  /** @example new RedisKeys('churn', '1').customer('c-42') // 'churn:1:customer:c-42' */
  customer(id: string): string {
    return `${this.#prefix}:customer:${id}`
  }

  /** The id in a customer's key. */
  customerOf(key: string): string {
    return key.slice(this.customer('').length)
  }

  /** @example new RedisKeys('churn', '1').history('c-42') // 'churn:1:history:c-42' */
  history(id: string): string {
    return `${this.#prefix}:history:${id}`
  }

  /** The pattern of all customers' keys. */
  get customers(): string {
    return `${this.#prefix}:customer:*`
  }

  /** @example new RedisKeys('churn', '1').partition(3) // 'churn:1:partition:3' */
  partition(partition: number): string {
    return `${this.#prefix}:partition:${partition}`
  }

  /** @example new RedisKeys('churn', '1').top(3) // 'churn:1:top:3' */
  top(partition: number): string {
    return `${this.#prefix}:top:${partition}`
  }

  /** A key in the slot of `tag`. */
  mark(partition: number, tag: string): string {
    return `${this.#prefix}:mark:${partition}:{${tag}}`
  }
}

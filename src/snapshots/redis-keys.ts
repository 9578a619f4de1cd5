import { configurationError } from '../errors.js'

/** The names of an app's keys; another generation of state has names of its own. */
export class RedisKeys {
  readonly #prefix: string

  /**
   * Begin with `prefix` and a colon, if there is one. Throws `REDIS_PREFIX_INVALID` where a part
   * would make names ambiguous.
   */
  constructor(app: string, generation: string, prefix: string | null = null) {
    this.#prefix = joined({ ...(prefix !== null && { prefix }), app, generation })
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

/**
 * The key that says which generation of an app is to be answered from. Throws `REDIS_PREFIX_INVALID`.
 *
 * @example servedKey('churn') // 'churn:served'
 */
export function servedKey(app: string, prefix: string | null = null): string {
  return `${joined({ ...(prefix !== null && { prefix }), app })}:served`
}

function joined(parts: Readonly<Record<string, string>>): string {
  for (const [what, name] of Object.entries(parts)) {
    if (/^[A-Za-z0-9_.-]+$/.test(name)) continue
    const text = `${what} ${JSON.stringify(name)} of the keys in Redis`
    throw configurationError(
      'REDIS_PREFIX_INVALID',
      `${text}: letters, digits, dot, dash and underscore are allowed`,
    )
  }
  return Object.values(parts).join(':')
}

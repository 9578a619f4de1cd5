/** How long a running process may try to bring what is in flight to brokers that are away, in ms. */
const drainMs = 5_000

/**
 * What is not waited for any more once the process is told to stop: servers that are away. Nothing is
 * lost by it, for what was not committed is done again by whoever goes on.
 */
export class Waiting {
  readonly #brokers = new AbortController()
  readonly #ends: (() => void)[] = []
  readonly #stop: AbortSignal
  #isRunning = false

  constructor(stop: AbortSignal) {
    this.#stop = stop
    if (stop.aborted) this.#end()
    else stop.addEventListener('abort', () => this.#end(), { once: true })
  }

  /** Aborted when nothing more is asked of the brokers a second time. */
  get forBrokers(): AbortSignal {
    return this.#brokers.signal
  }

  /** Ends one way of waiting at once; it is told only once. */
  until(end: () => void): void {
    if (this.#stop.aborted) end()
    else this.#ends.push(end)
  }

  /** From here on there is something to bring to an end. */
  begun(): void {
    this.#isRunning = true
  }

  #end(): void {
    for (const end of this.#ends) end()
    if (this.#isRunning) setTimeout(() => this.#brokers.abort(), drainMs).unref()
    else this.#brokers.abort()
  }
}

/** How often somebody who looks is told that it is the brokers who do not answer, in ms. */
const waitingEveryMs = 5_000

/** Opens what is on brokers, and tells meanwhile that it is they who are waited for. */
export async function tellingSilence<T>(
  brokers: readonly string[],
  warn: (text: string) => void,
  open: () => Promise<T>,
): Promise<T> {
  const silent = setInterval(() => {
    warn(`waiting for the brokers ${brokers.join(', ')}; tidemark doctor looks closer`)
  }, waitingEveryMs)
  try {
    return await open()
  } finally {
    clearInterval(silent)
  }
}

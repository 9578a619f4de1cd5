/**
 * A store that is opened again after a write that failed, for as long as what failed may pass: a
 * store takes no write behind a failed one until then.
 */
import { ioError, TidemarkError } from '../errors.js'
import type { Store, StoreChange, StoreHome, StoreView } from '../state/store.js'

interface Failure {
  readonly error: Error
  /** The position whose write failed. */
  readonly attempted: Uint8Array
}

export class ReopenedStore {
  #failure: Failure | null = null

  constructor(
    private readonly home: StoreHome,
    private store: Store,
    /** The position of the last write that is known to be durable. */
    private durable: Uint8Array | null,
  ) {}

  /** Whether a write failed, and `mend` has not put it right since. */
  get hasFailed(): boolean {
    return this.#failure !== null
  }

  /** Whether it is worth while to try again. */
  get mayPass(): boolean {
    const error = this.#failure?.error
    return error === undefined || (error instanceof TidemarkError && error.retry !== 'never')
  }

  getMany(keys: readonly Uint8Array[]): Promise<(Uint8Array | undefined)[]> {
    return this.store.getMany(keys)
  }

  view(): Promise<StoreView> {
    return this.store.view()
  }

  async write(changes: readonly StoreChange[], position: Uint8Array): Promise<void> {
    try {
      await this.store.write(changes, position)
      this.durable = position
    } catch (error) {
      throw this.failed(error, position)
    }
  }

  /** Opens the store again where a write has failed. Not while anything is being written. */
  async mend(): Promise<void> {
    if (this.#failure === null) return
    const { error, attempted } = this.#failure
    if (!this.mayPass) throw error
    try {
      this.store = await this.home.open(0)
      const held = await this.store.position()
      // The write may have failed behind its effect. Anything else than these two was lost.
      if (!isSame(held, this.durable) && !isSame(held, attempted)) {
        throw ioError('STORE_DAMAGED', 'snapshot store: opened again, it lacks what was durable')
      }
    } catch (again) {
      throw this.failed(again, attempted)
    }
    this.#failure = null
  }

  close(): Promise<void> {
    return this.store.close()
  }

  private failed(error: unknown, attempted: Uint8Array): Error {
    this.#failure = { error: told(error), attempted }
    return this.#failure.error
  }
}

/**
 * Damage is final for this process: a task that hears of it would set its own store aside. The next
 * process sets this one aside when it opens it.
 */
function told(error: unknown): Error {
  if (!(error instanceof TidemarkError) || error.code !== 'STORE_DAMAGED') return error as Error
  return ioError(
    'SNAPSHOTS_DAMAGED',
    `${error.message}; start again: they are made anew then`,
    error,
  )
}

function isSame(one: Uint8Array | null, other: Uint8Array | null): boolean {
  return one === null || other === null ? one === other : Buffer.compare(one, other) === 0
}

/**
 * A transaction of an in-process log: who may still append, and what that means for the tails.
 * Where the records gather, and how they become durable, is its draft's business.
 */
import { TidemarkError, exitCode } from '../errors.js'
import {
  type Committed,
  type LogRecord,
  recordBytes,
  recordBytesMax,
  type Transaction,
} from './log.js'
import type { Tail, Tails } from './tails.js'
import { tooFarAhead, type LogClock } from './time-base.js'

export interface Draft {
  /** Copies the record: its buffers belong to the caller. Returns the bytes that it adds. */
  add(tail: Tail, record: LogRecord): number
  /**
   * Resolves when all is durable, with the end of what it added to each tail. Calls `settle` before
   * it lets readers see it: one that is woken by the last record must find nothing under way any
   * more.
   */
  commit(settle: () => void): Promise<ReadonlyMap<Tail, number>>
  /** See `Transaction.flush`; without it nothing is shown before the commit. */
  flush?(): Promise<ReadonlyMap<Tail, number>>
  discard(): void
}

type Stage = 'open' | 'committing' | 'settled' | 'fenced'

export class LogTransaction implements Transaction {
  #bytes = 0
  #stage: Stage = 'open'
  #latestAllowed: number
  readonly #touched = new Set<Tail>()

  constructor(
    readonly id: string,
    readonly clock: LogClock,
    readonly tails: Tails,
    readonly draft: Draft,
  ) {
    this.#latestAllowed = clock.latestAllowed()
  }

  get bytes(): number {
    return this.#bytes
  }

  get isCommitting(): boolean {
    return this.#stage === 'committing'
  }

  /** @throws TidemarkError RECORD_TOO_FAR_AHEAD, RECORD_TOO_LARGE, TRANSACTION_FENCED */
  append(topic: string, partition: number, record: LogRecord): void {
    this.#assertOpen('append')
    if (!Number.isSafeInteger(record.timestamp)) {
      throw new RangeError(`append to ${topic}: timestamp ${record.timestamp} is not an integer`)
    }
    if (record.timestamp > this.#latestAllowed) this.#recheck(topic, record.timestamp)
    const bytes = recordBytes(record)
    if (bytes > recordBytesMax) throw tooLarge(topic, bytes)
    const tail = this.tails.of(topic, partition)
    if (!this.#touched.has(tail)) {
      this.#touched.add(tail)
      tail.unsettled += 1
    }
    this.#bytes += this.draft.add(tail, record)
  }

  async commit(): Promise<Committed> {
    this.#assertOpen('commit')
    this.#stage = 'committing'
    try {
      return this.#told(await this.draft.commit(() => this.#settle('settled')))
    } finally {
      this.#settle('settled')
    }
  }

  /** @throws TidemarkError TRANSACTION_FENCED, and what a commit raises of the log */
  async flush(): Promise<Committed> {
    this.#assertOpen('flush')
    return this.#told((await this.draft.flush?.()) ?? new Map())
  }

  async abort(): Promise<void> {
    if (this.#stage === 'open') this.#discard('settled')
  }

  #told(ends: ReadonlyMap<Tail, number>): Committed {
    return { endOffset: (topic, partition) => ends.get(this.tails.of(topic, partition)) ?? null }
  }

  /** Another transaction of the same writer has begun: this one's owner is gone or has given up. */
  fence(): void {
    if (this.#stage === 'open') this.#discard('fenced')
  }

  #discard(stage: Stage): void {
    this.draft.discard()
    this.#settle(stage)
  }

  #settle(stage: Stage): void {
    this.#stage = stage
    for (const tail of this.#touched) tail.unsettled -= 1
    this.#touched.clear()
  }

  /** The clock has gone on since the transaction began. */
  #recheck(topic: string, timestamp: number): void {
    this.#latestAllowed = this.clock.latestAllowed()
    if (timestamp > this.#latestAllowed) throw tooFarAhead(topic, timestamp, this.clock)
  }

  #assertOpen(step: string): void {
    if (this.#stage === 'open') return
    if (this.#stage !== 'fenced') {
      throw new Error(`${step} in a transaction of ${this.id} that is ${this.#stage}`)
    }
    throw new TidemarkError(
      'TRANSACTION_FENCED',
      `${step} in a transaction of ${this.id}: the same writer has begun another one since, or ` +
        'the log has been closed',
      { exit: exitCode.tryAgain },
    )
  }
}

/** The refusal of invariant L5. */
function tooLarge(topic: string, bytes: number): TidemarkError {
  return new TidemarkError(
    'RECORD_TOO_LARGE',
    `append to ${topic}: the record has ${bytes} bytes; at most ${recordBytesMax} are allowed`,
    { exit: exitCode.configuration },
  )
}

/** The open transactions of a log: one a writer. */
export class Writers {
  readonly #byId = new Map<string, LogTransaction>()

  /** Puts the transaction in the place of the writer's last one, which is fenced if still open. */
  begin(transaction: LogTransaction): LogTransaction {
    const before = this.#byId.get(transaction.id)
    if (before?.isCommitting) {
      throw new TidemarkError(
        'TRANSACTION_OPEN',
        `begin ${transaction.id}: the writer's last commit is still under way`,
        { exit: exitCode.tryAgain, retry: 'now' },
      )
    }
    before?.fence()
    this.#byId.set(transaction.id, transaction)
    return transaction
  }

  /** Fences the writer's open transaction, if any. */
  fence(id: string): void {
    this.#byId.get(id)?.fence()
  }

  fenceAll(): void {
    for (const transaction of this.#byId.values()) transaction.fence()
  }
}

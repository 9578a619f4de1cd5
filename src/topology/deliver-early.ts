/**
 * Turns scored commits into transactions of several, each of which is on the log before the
 * transaction ends: who reads without waiting for commits has its rows at once, and has them again
 * where the transaction does not end well. Who waits for commits sees what `deliver` shows him.
 *
 * L1 A commit is handed on when the log has committed it, in order; several at once.
 * L2 The next commit may close when the last one was sent, whether or not it has committed.
 * L3 A failure leaves the transaction open, and who opens the partition next aborts it: the last
 *    position in the log says what took place, as always.
 */
import { Observable, type OperatorFunction } from 'rxjs'
import { failpoint } from '../failpoint.js'
import type { Committed, Transaction } from '../log/log.js'
import type { SnapshotPut } from '../snapshots/snapshots.js'
import type { ScoredCommit } from '../operators/batch.js'
import {
  appendCommit,
  delivered,
  type DeliveredCommit,
  type DeliverOptions,
  encodeRows,
} from '../operators/deliver.js'

export interface DeliverEarlyOptions extends DeliverOptions {
  /** A transaction ends when its first commit was sent so long ago, in ms of wall time… */
  readonly transactionMs: number
  /** …or when it has so many bytes. */
  readonly transactionBytes: number
  /** Told when a commit is where readers may see it. */
  sent(): void
}

export function deliverEarly<S>(
  options: DeliverEarlyOptions,
): OperatorFunction<ScoredCommit<S>, DeliveredCommit<S>> {
  return (commits) =>
    new Observable((subscriber) => {
      const group = new Group<S>(options)
      let turn: Promise<void> = Promise.resolve()
      let timer: NodeJS.Timeout | null = null
      const inTurn = (work: () => Promise<void>): Promise<void> => {
        turn = turn.then(async () => {
          if (subscriber.closed) return
          await work().catch((error: unknown) => subscriber.error(error))
        })
        return turn
      }
      const end = async (): Promise<void> => {
        if (timer !== null) clearTimeout(timer)
        timer = null
        for (const commit of await group.end()) subscriber.next(commit)
      }
      const add = async (commit: ScoredCommit<S>): Promise<void> => {
        const isFull = await group.add(commit)
        if (isFull) await end()
        else timer ??= setTimeout(() => options.writing(inTurn(end), last), options.transactionMs)
        options.sent()
      }
      let last!: ScoredCommit<S>['position']
      const subscription = commits.subscribe({
        next: (commit) => {
          last = commit.position
          options.writing(
            inTurn(() => add(commit)),
            last,
          )
        },
        error: (error) => subscriber.error(error),
        complete: () =>
          void inTurn(async () => {
            await end()
            subscriber.complete()
          }),
      })
      return () => {
        subscription.unsubscribe()
        if (timer !== null) clearTimeout(timer)
        void turn.then(() => group.abandon())
      }
    })
}

interface Sent<S> {
  readonly commit: ScoredCommit<S>
  readonly puts: readonly SnapshotPut[]
  readonly committed: Committed
}

/** The commits of one transaction. */
class Group<S> {
  private transaction: Transaction | null = null
  private readonly sent: Sent<S>[] = []

  constructor(private readonly options: DeliverEarlyOptions) {}

  /** Sends a commit; answers whether the transaction is to end now. */
  async add(commit: ScoredCommit<S>): Promise<boolean> {
    const { log, writer, topics, partition, transactionBytes } = this.options
    this.transaction ??= log.begin(writer)
    const puts = encodeRows(commit, this.options)
    appendCommit(this.transaction, commit, puts, this.options)
    const committed = await this.transaction.flush()
    failpoint('engine.sent')
    this.sent.push({ commit, puts, committed })
    // A log that shows nothing before the end knows no ends before it either.
    const isShown = committed.endOffset(topics.changelog, partition) !== null
    return !isShown || this.transaction.bytes >= transactionBytes
  }

  async end(): Promise<DeliveredCommit<S>[]> {
    if (this.transaction === null) return []
    const whole = await this.transaction.commit()
    this.transaction = null
    failpoint('engine.after-log')
    const { topics, partition } = this.options
    return this.sent.splice(0).map(({ commit, puts, committed }) => {
      const isShown = committed.endOffset(topics.changelog, partition) !== null
      return delivered(commit, puts, isShown ? committed : whole, this.options)
    })
  }

  async abandon(): Promise<void> {
    const { transaction } = this
    this.transaction = null
    await transaction?.abort()
  }
}

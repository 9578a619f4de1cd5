/**
 * The port of lookups: the newest row of a customer, and what proves that it is fresh.
 *
 * U1 The proof is read before the row. The other way round a row could be held against the proof of
 *    a later commit, which has a newer one.
 */
import { partitionOf } from '../events/partition.js'
import type { PartitionProof, Snapshot, SnapshotStore } from '../snapshots/snapshots.js'
import type { PartitionTop } from '../snapshots/top-lists.js'
import type { StatusSource } from '../topology/status.js'
import { Problem } from './problems.js'

export interface Found {
  /** null: the customer is unknown, or erased. */
  readonly snapshot: Snapshot | null
  /** Of the partition of his events; null: nothing is proved, or it is not known which that is. */
  readonly proof: PartitionProof | null
}

export interface Lookups {
  find(customer: string): Promise<Found>
  /** The last changes, newest first, as the bytes of `OutputChanges`: `most`, or more. */
  history(customer: string, most?: number): Promise<readonly Uint8Array[]>
  /** The top lists of the partitions that can be asked for here. */
  top(): Promise<readonly PartitionTop[]>
}

export interface OwnPartitions {
  readonly engine: StatusSource
  readonly snapshots: Pick<SnapshotStore, 'get' | 'history' | 'proof' | 'top'>
  /** How many partitions the log has. */
  readonly partitions: number
  /** Answers for the partitions that other processes run; without it nobody here can. */
  readonly elsewhere?: Lookups
}

/**
 * Lookups in the process that runs the partitions.
 *
 * @example await ownLookups({ engine, snapshots, partitions: 1 }).find('c-42')
 */
export function ownLookups({ engine, snapshots, partitions, elsewhere }: OwnPartitions): Lookups {
  const taskOf = (customer: string) => {
    const partition = partitionOf(Buffer.from(customer), partitions)
    const task = engine.status().partitions.find((own) => own.partition === partition)
    if (task !== undefined || elsewhere !== undefined) return task
    const text = `this process does not run partition ${partition}, where the customer belongs`
    throw new Problem('CUSTOMER_ELSEWHERE', text)
  }
  return {
    find: async (customer) => {
      const task = taskOf(customer)
      if (task === undefined) return elsewhere!.find(customer)
      const proof = snapshots.proof(task.partition)
      // A proof from before a restart, or from before the partition failed, may be overtaken.
      const proved = proof && { ...proof, caughtUp: proof.caughtUp && task.caughtUp }
      return { snapshot: await snapshots.get(customer), proof: proved }
    },
    history: async (customer, most) =>
      taskOf(customer) === undefined
        ? elsewhere!.history(customer, most)
        : snapshots.history(customer, most),
    // With another process to ask, that one knows them all.
    top: async () =>
      elsewhere !== undefined
        ? elsewhere.top()
        : engine.status().partitions.flatMap(({ partition }) => snapshots.top(partition) ?? []),
  }
}

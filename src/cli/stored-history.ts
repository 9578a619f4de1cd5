/** What a snapshot store has of one customer, for the commands that a process serves. */
import { changeCommit } from '../events/output-changes.js'
import type { StoredHistory } from '../log/shared-wire.js'
import type { SnapshotStore } from '../snapshots/snapshots.js'

/** null: no event of the customer was seen, or he was erased. */
export async function storedHistory(
  snapshots: Pick<SnapshotStore, 'get' | 'history'>,
  customer: string,
): Promise<StoredHistory | null> {
  const snapshot = await snapshots.get(customer)
  if (snapshot === null) return null
  const changes = await snapshots.history(customer)
  return {
    row: snapshot.features,
    changes: changes.map((bytes) => ({ commit: changeCommit(bytes), bytes })),
  }
}

import { OutputChanges } from '../events/output-changes.js'
import { partitionOf } from '../events/partition.js'
import { topicsOf } from '../log/log.js'
import type { StoredHistory } from '../log/shared-wire.js'
import { followSnapshots } from '../topology/follow-snapshots.js'
import { committedPosition } from '../topology/open-task.js'
import { layoutOf } from './layout.js'
import type { OpenData } from './open-data.js'
import { storedHistory } from './stored-history.js'

/**
 * What `storedHistory` tells, of a directory that this process has open for itself: its snapshots are opened, and catch
 * up with what the log has of the customer's partition, as they would at a start. To be asked once.
 *
 * @throws what `committedPosition`, the log and the store raise
 */
export async function ownHistory(
  data: Pick<OpenData, 'log' | 'loaded' | 'snapshots'>,
  customer: string,
  warn: (text: string) => void,
): Promise<StoredHistory | null> {
  const { log, loaded } = data
  const layout = layoutOf(loaded.app)
  const topics = topicsOf(loaded.app.name)
  const committed = (partition: number) => committedPosition({ log, topics, layout }, partition)
  const snapshots = await data.snapshots({
    onDamage: warn,
    changes: new OutputChanges(layout),
    committed: async (partition) => (await committed(partition))?.commit ?? 0,
  })
  const partition = partitionOf(Buffer.from(customer), log.partitions(topics.events))
  const position = await committed(partition)
  if (position !== null) await followSnapshots({ log, topics, snapshots }, partition, position)
  return storedHistory(snapshots, customer)
}

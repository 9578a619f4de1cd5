import { partitionOf } from '../events/partition.js'
import { topicsOf } from '../log/log.js'
import type { StoredHistory } from '../log/shared-wire.js'
import { emittedHistory } from '../topology/emitted-history.js'
import { followSnapshots } from '../topology/follow-snapshots.js'
import { committedPosition } from '../topology/committed-position.js'
import { askedNumber, generationPart } from './generations.js'
import { layoutOf } from './layout.js'
import { type OpenData, snapshotsOf } from './open-data.js'
import { storedHistory } from './stored-history.js'

/**
 * What `storedHistory` tells, of a directory that this process has open for itself: its snapshots
 * are opened, and catch up with what the log has of the customer's partition, as at a start.
 *
 * @throws what `committedPosition`, the log and the store raise
 */
export async function ownHistory(
  directory: string,
  { log, loaded, owner }: Pick<OpenData, 'log' | 'loaded' | 'owner'>,
  customer: string,
  warn: (text: string) => void,
): Promise<StoredHistory | null> {
  const layout = layoutOf(loaded.app)
  const topics = topicsOf(loaded.app.name)
  const place = { log, topics, layout, ...generationPart(owner) }
  const snapshots = await snapshotsOf(directory, askedNumber(owner), {
    onDamage: warn,
    history: emittedHistory(log, topics, layout),
    committed: async (partition) => (await committedPosition(place, partition))?.commit ?? 0,
  })
  try {
    const partition = partitionOf(Buffer.from(customer), log.partitions(topics.events))
    const position = await committedPosition(place, partition)
    if (position !== null) await followSnapshots({ ...place, snapshots }, partition, position)
    return await storedHistory(snapshots, customer)
  } finally {
    await snapshots.close()
  }
}

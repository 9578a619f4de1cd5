/** The snapshots of a worker: in Redis where the configuration names one, else on its own disk. */
import { join } from 'node:path'
import type { Config } from '../config/schema.js'
import { OutputChanges } from '../events/output-changes.js'
import { OutputTexts } from '../events/output-texts.js'
import type { KafkaLog } from '../log/kafka-log.js'
import { keptMs } from '../log/kafka-topic-plan.js'
import type { SnapshotsHealth } from '../monitoring/server-metrics.js'
import { openLevelSnapshots } from '../snapshots/level-snapshots.js'
import { RedisLookups } from '../snapshots/redis-lookups.js'
import { openRedisSnapshots } from '../snapshots/redis-open.js'
import type { SnapshotStore } from '../snapshots/snapshots.js'
import { emittedHistory } from '../topology/emitted-history.js'
import { followSnapshots } from '../topology/follow-snapshots.js'
import { committedPosition } from '../topology/committed-position.js'
import type { TopologyParts } from '../topology/parts.js'
import { spanOf } from '../topology/take-over.js'
import { redisAddress, redisNames } from './connections.js'
import type { Logger } from './logger.js'

export interface OpenSnapshots {
  readonly snapshots: SnapshotStore
  /** null: they are on this disk. */
  readonly health: (() => SnapshotsHealth) | null
  /** Answers for the partitions of other workers; null: nobody here can. */
  readonly elsewhere: RedisLookups | null
}

/** Whose snapshots they are, and where their rows come from. */
export type SnapshotPlace = Pick<TopologyParts<unknown>, 'topics' | 'layout' | 'generation'> & {
  readonly log: KafkaLog
}

/**
 * Opens them; on this disk they lie in `directory`. Raises what `openLevelSnapshots`,
 * `openRedisSnapshots` and `RedisLookups.open` raise.
 */
export async function openSnapshots(
  config: Config,
  place: SnapshotPlace,
  directory: string,
  logger: Logger,
): Promise<OpenSnapshots> {
  const { log, topics, layout } = place
  const address = redisAddress(config)
  const committed = (partition: number) => committedPosition(place, partition)
  if (address === null) {
    const snapshots = await openLevelSnapshots(join(directory, 'snapshots'), {
      onDamage: (text) => logger.error(text),
      committed: async (partition) => (await committed(partition))?.commit ?? 0,
      history: emittedHistory(log, topics, layout),
    })
    return { snapshots, health: null, elsewhere: null }
  }
  const names = redisNames(config, layout)
  const snapshots = await openRedisSnapshots(address, {
    ...names,
    rows: new OutputTexts(layout),
    changes: new OutputChanges(layout),
    waitingBytesMax: config.limits.redisWaitingBytesMax,
    // As long as the outputs keep them: from these alone the view could be made again.
    retiredMsMax: config.kafka.timeBase === 'wall' ? keptMs : Infinity,
    note: (text) => logger.warn(text),
    log: {
      id: log.id,
      partitions: log.partitions(topics.events),
      committed: async (partition) => (await committed(partition))?.commit ?? -1,
    },
    refill: async (partition, sink) => {
      const position = await committed(partition)
      if (position === null) return
      // Before its first commit, none of the rows in the log are this generation's.
      const generation = spanOf(place.generation, position)
      const own = generation === null ? position : { ...position, generation }
      await followSnapshots({ log, topics, snapshots: sink }, partition, own)
    },
  })
  try {
    // By a connection of their own: a lookup must not wait behind the rows of a commit.
    const elsewhere = await RedisLookups.open(address, names)
    return { snapshots, health: () => snapshots.status(), elsewhere }
  } catch (error) {
    await snapshots.close()
    throw error
  }
}

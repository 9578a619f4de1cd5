import type { RedisKeys } from './redis-keys.js'
import type { RedisLink } from './redis-link.js'

export interface Sweep {
  readonly partition: number
  /** Rows of later commits go. */
  readonly newerThan: number
}

/** Deletes a partition's rows of commits that are not in the log; answers how many. */
export async function sweepRows(link: RedisLink, keys: RedisKeys, sweep: Sweep): Promise<number> {
  const step = `sweeping the rows of partition ${sweep.partition}`
  let deleted = 0
  for await (const names of link.scan(keys.customers, step)) {
    const held = (await link.send(
      names.map((name) => ({ command: 'hmget', keys: [name], rest: ['partition', 'version'] })),
      step,
    )) as (Buffer | null)[][]
    const gone = names.filter((_, index) => {
      const [partition, version] = held[index].map((value) => Number(value?.toString() ?? -1))
      return partition === sweep.partition && version > sweep.newerThan
    })
    if (gone.length === 0) continue
    await link.send(
      gone.map((name) => ({ command: 'unlink', keys: [name], rest: [] })),
      step,
    )
    deleted += gone.length
  }
  return deleted
}

import type { RedisKeys } from './redis-keys.js'
import { type RedisLink, scriptCall } from './redis-link.js'
import { dropRows } from './redis-scripts.js'

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
    await unlink(link, [...gone, ...historiesOf(gone, keys)], step)
    deleted += gone.length
  }
  return deleted
}

/**
 * Deletes the rows of customers who were retired before an instant, which is given for each partition
 * to look at; answers whose they were. One who comes back meanwhile has a newer row, which stays.
 */
export async function sweepRetired(
  link: RedisLink,
  keys: RedisKeys,
  before: ReadonlyMap<number, number>,
): Promise<string[]> {
  const step = 'looking for retired customers'
  const rest = ['partition', 'version', 'retired', 'asOf']
  const swept: string[] = []
  for await (const names of link.scan(keys.customers, step)) {
    const calls = names.map((name) => ({ command: 'hmget', keys: [name], rest }))
    const held = (await link.send(calls, step)) as (Buffer | null)[][]
    const gone = names.flatMap((name, index) => {
      const [partition, version, retired, asOf] = held[index].map(
        (value) => value?.toString() ?? '',
      )
      const isDue = retired === '1' && Number(asOf) < (before.get(Number(partition)) ?? -Infinity)
      return isDue ? [{ name, version }] : []
    })
    if (gone.length === 0) continue
    const groups = link.together(gone.map(({ name }) => name))
    const drops = groups.map((places) => {
      const those = places.map((place) => gone[place])
      return scriptCall(
        dropRows,
        those.map(({ name }) => name),
        those.map(({ version }) => version),
      )
    })
    const replies = (await link.send(drops, step)) as number[][]
    const dropped = replies.flatMap((places, group) =>
      places.map((place) => gone[groups[group][place - 1]].name),
    )
    await unlink(link, historiesOf(dropped, keys), step)
    swept.push(...dropped.map((name) => keys.customerOf(name)))
  }
  return swept
}

/** The histories of those whose rows these are. */
function historiesOf(names: readonly string[], keys: RedisKeys): string[] {
  return names.map((name) => keys.history(keys.customerOf(name)))
}

async function unlink(link: RedisLink, names: readonly string[], step: string): Promise<void> {
  await link.send(
    names.map((name) => ({ command: 'unlink', keys: [name], rest: [] })),
    step,
  )
}

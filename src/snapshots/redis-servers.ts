/** Which servers take the writes, told apart so that another one, or another life of one, shows. */
import { createHash } from 'node:crypto'

export interface RedisServers {
  /**
   * Changes with every restart and every failover: run ids and replication ids of all masters. A
   * server that comes back with its data has another one too, for nobody knows what it has lost.
   */
  readonly fingerprint: string
  /** The policy by which a server drops keys of ours when its memory is full; null: none does. */
  readonly evicts: string | null
}

/**
 * What the masters' INFO says.
 *
 * @example
 * serversOf(['run_id:a1\r\nmaster_replid:b2\r\nmaxmemory:0\r\nmaxmemory_policy:noeviction\r\n']).evicts // null
 */
export function serversOf(infos: readonly string[]): RedisServers {
  const lives: string[] = []
  let evicts: string | null = null
  for (const info of infos) {
    const facts = factsOf(info)
    lives.push(`${facts.get('run_id') ?? ''}/${facts.get('master_replid') ?? ''}`)
    const policy = facts.get('maxmemory_policy') ?? 'noeviction'
    // Policies for volatile keys touch tombstones only, whose time ends anyway.
    if (facts.get('maxmemory') !== '0' && policy.startsWith('allkeys')) evicts = policy
  }
  const fingerprint = createHash('sha256').update(lives.sort().join(',')).digest('hex').slice(0, 32)
  return { fingerprint, evicts }
}

function factsOf(info: string): Map<string, string> {
  const facts = new Map<string, string>()
  for (const line of info.split('\r\n')) {
    const colon = line.indexOf(':')
    if (colon > 0) facts.set(line.slice(0, colon), line.slice(colon + 1))
  }
  return facts
}

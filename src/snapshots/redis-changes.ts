/** The histories in Redis: a list a customer, the newest change first. */
import type { RedisKeys } from './redis-keys.js'
import { type RedisArgument, type RedisCall, type RedisLink, scriptCall } from './redis-link.js'
import type { RedisRow } from './redis-row.js'
import { addChanges } from './redis-scripts.js'
import { keptChanges } from './stored-changes.js'

/** A step of a customer's story, or (null) that he was erased. */
export interface RedisChange {
  readonly commit: number
  readonly bytes: Uint8Array | null
}

/** A customer's newest row, and what led there, in any order. */
export interface SentRow {
  readonly row: RedisRow
  readonly changes: readonly RedisChange[]
}

/** Those that the history would keep, oldest first, each commit once; none from before an erasure. */
export function newestChanges(changes: readonly RedisChange[]): readonly RedisChange[] {
  if (changes.length === 1) return changes
  const byCommit = new Map(changes.map((change) => [change.commit, change]))
  const sorted = [...byCommit.values()].sort((a, b) => a.commit - b.commit)
  const erasure = sorted.findLastIndex(({ bytes }) => bytes === null)
  return sorted.slice(Math.max(0, erasure, sorted.length - keptChanges))
}

/** Calls that add what led to rows; each may be repeated, and come in any order. */
export function changeCalls(
  rows: readonly SentRow[],
  link: Pick<RedisLink, 'together'>,
  keys: RedisKeys,
  tombstoneSeconds: number,
): RedisCall[] {
  const added = rows.filter(({ changes }) => changes.length > 0)
  const names = added.map(({ row }) => keys.history(row.customer))
  return link.together(names).map((places) => {
    const rest: RedisArgument[] = [String(keptChanges), String(tombstoneSeconds)]
    for (const place of places) {
      const changes = newestChanges(added[place].changes)
      rest.push(String(changes.length), ...changes.map(elementOf))
    }
    return scriptCall(
      addChanges,
      places.map((place) => names[place]),
      rest,
    )
  })
}

export function historyCall(keys: RedisKeys, customer: string): RedisCall {
  return { command: 'lrange', keys: [keys.history(customer)], rest: ['0', '-1'] }
}

/** The changes in a reply to `historyCall`, and what waits for Redis, newest first. */
export function historyFrom(
  reply: unknown,
  waiting: readonly RedisChange[] = [],
): readonly Uint8Array[] {
  const stored = (reply as Buffer[]).map(changeOf)
  const newest = newestChanges([...stored, ...waiting]).toReversed()
  return newest.flatMap(({ bytes }) => (bytes === null ? [] : [bytes]))
}

function elementOf({ commit, bytes }: RedisChange): Buffer {
  const head = Buffer.from(`${commit}:`)
  return bytes === null ? head : Buffer.concat([head, bytes])
}

function changeOf(element: Buffer): RedisChange {
  const colon = element.indexOf(0x3a)
  const bytes = element.subarray(colon + 1)
  return {
    commit: Number(element.toString('latin1', 0, colon)),
    bytes: bytes.length > 0 ? bytes : null,
  }
}

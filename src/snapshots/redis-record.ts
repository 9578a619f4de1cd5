/**
 * The record of a partition in Redis: how far the snapshots are, what proves them fresh, and of
 * which life of the servers all this holds.
 *
 * A life begins when nothing in Redis can be believed any more: a token, random, in the record and,
 * in a cluster, in marks spread over the slots. E1: as long as the record and all marks have the
 * token, and the servers are those of its beginning, nothing that was written since is lost.
 */
import { randomBytes } from 'node:crypto'
import type { RedisKeys } from './redis-keys.js'
import { type RedisCall, type RedisLink, scriptCall } from './redis-link.js'
import { beginRecord, saveRecord } from './redis-scripts.js'
import { slotCount, slotOf } from './redis-slot.js'
import type { PartitionProof, SnapshotCursor } from './snapshots.js'

export interface HeldRecord {
  /** null where nothing is stored, or what is cannot be believed. */
  readonly life: string | null
  readonly cursor: SnapshotCursor | null
  readonly proof: PartitionProof | null
  /** Of which log it is, and its highest commit (-1: none), whether it can be believed or not. */
  readonly log: string | null
  readonly highest: number
}

const recordFields = [
  'life',
  'servers',
  'log',
  'cursorCommit',
  'featuresOffset',
  'scoresOffset',
  'commit',
  'asOf',
  'endOffset',
  'caughtUp',
]

/** So many that each node of a cluster has one, unless it has less than a sixteenth of the slots. */
const MARKS = 32

/** What a save found. */
export type Saved = 'ok' | 'life' | 'back'

export interface RecordGoal {
  readonly cursor: SnapshotCursor | null
  readonly proof: PartitionProof | null
  /** The cursor that Redis acknowledged before. */
  readonly durable: SnapshotCursor | null
}

export class RedisRecords {
  readonly #link: RedisLink
  readonly #keys: RedisKeys
  readonly #tags: readonly string[]

  constructor(link: RedisLink, keys: RedisKeys) {
    this.#link = link
    this.#keys = keys
    // The record is the mark where there is one server.
    this.#tags = link.isCluster ? spreadTags() : []
  }

  /** What the record says, and whether it can be believed on these servers. */
  async read(partition: number, servers: string): Promise<HeldRecord> {
    const [held, ...marks] = (await this.#link.send(
      [
        { command: 'hmget', keys: [this.#keys.partition(partition)], rest: recordFields },
        ...this.#marks(partition).map((key) => ({ command: 'get', keys: [key], rest: [] })),
      ],
      `reading the record of partition ${partition}`,
    )) as [(Buffer | null)[], ...(Buffer | null)[]]
    const [life, lifeServers, log, ...rest] = held.map((value) => value?.toString() ?? null)
    const proof = proofFrom(partition, rest.slice(3))
    const cursor = cursorFrom(rest)
    const highest = Math.max(cursor?.commit ?? -1, proof?.commit ?? -1)
    const isWhole = marks.every((mark) => mark?.toString() === life)
    if (life === null || lifeServers !== servers || !isWhole) {
      return { life: null, cursor: null, proof, log, highest }
    }
    return { life, cursor, proof, log, highest }
  }

  /** Begins a life; the answer is its token. The marks first: an early end leaves no whole life. */
  async begin(
    partition: number,
    servers: string,
    log: { readonly id: string; readonly partitions: number } | undefined,
  ): Promise<string> {
    const life = randomBytes(12).toString('hex')
    const step = `beginning the record of partition ${partition}`
    const marks = this.#marks(partition)
    const marked = marks.map((key) => ({ command: 'set', keys: [key], rest: [life] }))
    if (marked.length > 0) await this.#link.send(marked, step)
    const key = this.#keys.partition(partition)
    const facts = [log?.id ?? '', String(log?.partitions ?? '')]
    await this.#link.send([scriptCall(beginRecord, [key], [life, servers, ...facts])], step)
    return life
  }

  /** Moves the records forward; answers what became of each. */
  async save(
    goals: readonly (RecordGoal & { readonly partition: number; readonly life: string })[],
  ): Promise<Saved[]> {
    const calls = goals.map(({ partition, life, durable, cursor, proof }) =>
      scriptCall(
        saveRecord,
        [this.#keys.partition(partition)],
        [
          life,
          String(durable?.commit ?? -1),
          String(cursor?.commit ?? -1),
          String(cursor?.featuresOffset ?? 0),
          String(cursor?.scoresOffset ?? 0),
          String(proof?.commit ?? -2),
          String(proof?.asOf ?? 0),
          String(proof?.endOffset ?? 0),
          proof?.caughtUp === true ? '1' : '0',
        ],
      ),
    )
    const replies = await this.#link.send(calls, 'moving the records of partitions')
    return replies.map((reply) => String(reply) as Saved)
  }

  #marks(partition: number): string[] {
    return this.#tags.map((tag) => this.#keys.mark(partition, tag))
  }
}

/** Asks for what proves a partition; `key` is that of its record. */
export function proofCall(key: string): RedisCall {
  return { command: 'hmget', keys: [key], rest: ['commit', 'asOf', 'endOffset', 'caughtUp'] }
}

/** The answer to `proofCall`. */
export function provedBy(partition: number, reply: unknown): PartitionProof | null {
  const values = (reply as (Buffer | null)[]).map((value) => value?.toString() ?? null)
  return proofFrom(partition, values)
}

function cursorFrom(values: readonly (string | null)[]): SnapshotCursor | null {
  const [commit, featuresOffset, scoresOffset] = values
  if (commit === null) return null
  return {
    commit: Number(commit),
    featuresOffset: Number(featuresOffset),
    scoresOffset: Number(scoresOffset),
  }
}

function proofFrom(
  partition: number,
  [commit, asOf, endOffset, caughtUp]: readonly (string | null)[],
): PartitionProof | null {
  if (commit === null) return null
  return {
    partition,
    asOf: Number(asOf),
    endOffset: Number(endOffset),
    commit: Number(commit),
    caughtUp: caughtUp === '1',
  }
}

/** Hash tags, one in each of as many equal ranges of slots. */
function spreadTags(): string[] {
  const tags: string[] = []
  const width = slotCount / MARKS
  for (let next = 0, found = 0; found < MARKS; next++) {
    const range = Math.floor(slotOf(String(next)) / width)
    if (tags[range] !== undefined) continue
    tags[range] = String(next)
    found++
  }
  return tags
}

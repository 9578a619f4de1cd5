/**
 * The oracles: what must hold of everything that was written and kept, after faults have stopped and
 * the input has come to rest. Each answers what is wrong; empty: nothing.
 */
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Redis } from 'ioredis'
import type { StoredRecord } from '../../../src/log/log.js'
import type { VerifyReport } from '../../../src/replay/verify.js'
import { LevelStoreHome } from '../../../src/state/level-store-home.js'
import { runBinary } from '../binary.js'
import { app, layout } from '../kill/churn-parts.js'
import { reportFaults } from '../kill/verified.js'
import { type EmittedPair, mapDifferences, type Outputs } from '../outputs.js'
import { storedState } from '../stored-state.js'
import type { Arena } from './arena.js'
import { Ends } from './ends.js'
import { recordText } from './record-text.js'

/** O3: the stores that stopped at the end of the input hold what the log says; no other is damaged. */
export async function storeFaults(arena: Arena): Promise<string[]> {
  const faults: string[] = []
  const positions = await arena.positions()
  const current = new Set<number>()
  const held = positions.map((): string[] => [])
  for (let slot = 0; slot < arena.options.slots; slot++) {
    const home = new LevelStoreHome(join(arena.diskOf(slot), 'state'), 'state')
    for (const [partition, position] of positions.entries()) {
      const name = `slot ${slot}, partition ${partition}`
      const stored = await storedState(home, partition, app.engine.codec).catch(
        (error: unknown) => {
          faults.push(`O3 ${name}: ${String(error)}`)
          return null
        },
      )
      if (stored === null || position === null) continue
      held[partition].push(`slot ${slot} has ${stored.position.endOffset}`)
      // Commits of timers alone change no state, and a stop writes no store again for them.
      if (stored.position.endOffset !== position.endOffset) continue
      current.add(partition)
      if (stored.digest === position.state!.digest) continue
      faults.push(`O3 ${name}: digest ${stored.digest}, committed is ${position.state!.digest}`)
    }
  }
  for (const [partition, position] of positions.entries()) {
    if (position === null || current.has(partition)) continue
    const there = held[partition].join(', ')
    faults.push(`O3 no disk has partition ${partition} at its end ${position.endOffset}: ${there}`)
  }
  return faults
}

/** O4: what any client reads of Redis are the last rows; waits `withinMs` for it. */
export async function redisFaults(
  arena: Arena,
  due: ReadonlyMap<string, string>,
  withinMs: number,
): Promise<string[]> {
  const redis = new Redis(arena.options.servers.redisUrl, { maxRetriesPerRequest: null })
  try {
    const until = performance.now() + withinMs
    for (;;) {
      const faults = mapDifferences('O4 hash', await held(redis, arena.prefix), due)
      if (faults.length === 0 || performance.now() > until) return faults
      await sleep(500)
    }
  } finally {
    redis.disconnect()
  }
}

/** What Redis has to hold of a partition, by customer. */
export function redisDue({ pairs }: Pick<Outputs, 'pairs'>): Map<string, string> {
  const last = new Map(pairs.map((pair) => [pair.customer, pair]))
  return new Map([...last].map(([customer, pair]) => [customer, dueText(pair)]))
}

function dueText({ commit, features, score, bytes }: EmittedPair): string {
  if (features === null) return `${commit} erased`
  const { asOf, validUntil } = features
  const { probability, risk } = score!
  const records = [bytes.features!.toString('base64'), bytes.score!.toString('base64')]
  return [commit, asOf, validUntil ?? '', probability ?? '', risk, ...records].join(' ')
}

/** The keys begin with the prefix that the configuration gives them, then comes the topics' own. */
async function held(redis: Redis, prefix: string): Promise<Map<string, string>> {
  const pattern = `${prefix.slice(0, -1)}:${prefix}${layout.app}:${layout.appHash.slice(0, 12)}:customer:`
  const found = new Map<string, string>()
  let cursor = '0'
  do {
    const [next, keys] = await redis.scan(cursor, 'MATCH', `${pattern}*`, 'COUNT', 1_000)
    cursor = next
    const hashes = await Promise.all(keys.map((key) => redis.hgetallBuffer(key)))
    for (const [i, hash] of hashes.entries()) {
      const text = (name: string) => hash[name]?.toString() ?? ''
      const base64 = (name: string) => hash[name]?.toString('base64') ?? ''
      const fields = ['asOf', 'validUntil', 'score', 'risk'].map(text)
      const records = ['featuresRecord', 'scoreRecord'].map(base64)
      const row = [text('version'), ...fields, ...records].join(' ')
      const isErased = hash['featuresRecord'] === undefined || hash['featuresRecord'].length === 0
      found.set(keys[i].slice(pattern.length), isErased ? `${text('version')} erased` : row)
    }
  } while (cursor !== '0')
  return found
}

/** O5: no transaction is open: the last stable offset is the high watermark everywhere. */
export async function openFaults(arena: Arena, withinMs: number): Promise<string[]> {
  const { events, ...outputs } = arena.topics
  const topics = [events, ...Object.values(outputs)]
  const ends = await Ends.open(arena.options.servers.brokers, topics)
  try {
    const until = performance.now() + withinMs
    for (;;) {
      const faults: string[] = []
      for (const topic of topics) {
        for (let partition = 0; partition < arena.options.partitions; partition++) {
          const [stable, high] = await Promise.all(
            (['stable', 'high-watermark'] as const).map((which) =>
              ends.of(topic, partition, which),
            ),
          )
          if (stable === high) continue
          faults.push(`O5 ${topic}/${partition} is stable up to ${stable} of ${high}`)
        }
      }
      if (faults.length === 0 || performance.now() > until) return faults
      await sleep(500)
    }
  } finally {
    ends.close()
  }
}

/** O6: what was acknowledged to the producer is in the input, and nothing that it did not send. */
export function inputFaults(
  acknowledged: ReadonlyMap<string, number>,
  input: readonly (readonly StoredRecord[])[],
): string[] {
  const there = new Map<string, number>()
  for (const [partition, records] of input.entries()) {
    for (const record of records) {
      const text = recordText(partition, record)
      there.set(text, (there.get(text) ?? 0) + 1)
    }
  }
  let [lost, foreign] = [0, 0]
  for (const [text, count] of acknowledged) if ((there.get(text) ?? 0) < count) lost++
  for (const text of there.keys()) if (!acknowledged.has(text)) foreign++
  const faults: string[] = []
  if (lost > 0) faults.push(`O6 ${lost} acknowledged records are not in the input`)
  if (foreign > 0) faults.push(`O6 ${foreign} records of the input were never acknowledged`)
  return faults
}

/** `tidemark verify` as everybody runs it: 0 mismatches and 0 missing. */
export async function verifyFaults(arena: Arena): Promise<string[]> {
  const end = await runBinary(['verify', '--config', arena.configOf('reader'), '--json'])
  const line = end.stdout.split('\n')[0]
  if (!line) return [`verify ended with ${end.exit}: ${end.stderr}`]
  const report = JSON.parse(line) as VerifyReport
  const faults = reportFaults(report)
  if (report.uncommitted > 0) faults.push(`verify: ${report.uncommitted} records are uncommitted`)
  if (end.exit !== 0 && faults.length === 0) faults.push(`verify ended with ${end.exit}`)
  return faults
}

/** A round that has ended, held against all oracles. */
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { StoredRecord } from '../../../src/log/log.js'
import { openModels } from '../../../src/cli/open-models.js'
import { KafkaRound } from '../kafka-round.js'
import { app, layout } from '../kill/churn-parts.js'
import { factDifferences } from '../kill/data-facts.js'
import { readOutputs, recordsOf } from '../outputs.js'
import { seededRandom } from '../random.js'
import type { Arena } from './arena.js'
import { naiveFaults } from './naive-oracle.js'
import {
  inputFaults,
  openFaults,
  redisDue,
  redisFaults,
  storeFaults,
  verifyFaults,
} from './oracles.js'

/** How long the snapshots may follow behind, and open transactions end: more is a measurement. */
const followMsMax = 60_000

export interface Verdict {
  readonly faults: readonly string[]
  /** From the end of the faults and of the input until everything was committed. */
  readonly restMs: number
  readonly records: number
  readonly rows: number
  readonly commits: number
  /** Full restores of partitions of which the disk had a store. */
  readonly fullRestores: number
  /** Offsets of the state that each opening copied. */
  readonly followed: readonly number[]
}

/** Ends the input, waits until the running workers have done everything, stops them, and judges. */
export async function judge(
  arena: Arena,
  say: (text: string) => void = () => undefined,
): Promise<Verdict> {
  await arena.feed.end()
  const restMs = await arena.rest()
  const faults: string[] = []
  const { topics, log } = arena
  const { partitions, seed, servers } = arena.options
  // One partition at a time: a round has millions of rows.
  const inRedis = new Map<string, string>()
  for (let partition = 0; partition < partitions; partition++) {
    const outputs = await readOutputs(log, topics, partition, layout)
    for (const [customer, row] of redisDue(outputs)) inRedis.set(customer, row)
  }
  faults.push(...(await redisFaults(arena, inRedis, followMsMax)))
  const stopped = await arena.stopWorkers()
  faults.push(...stopped, ...(await openFaults(arena, followMsMax)))
  const round = new KafkaRound(arena.prefix, servers.brokers, partitions)
  const facts = round.noFacts()
  const input: StoredRecord[][] = []
  const random = seededRandom(seed)
  let rows = 0
  for (let partition = 0; partition < partitions; partition++) {
    const records = await recordsOf(log, topics.events, partition)
    const outputs = await readOutputs(log, topics, partition, layout)
    faults.push(...naiveFaults(records, outputs, random))
    await round.addFacts(facts, log, outputs)
    rows += outputs.pairs.length
    input.push(records)
    say(`judging: partition ${partition} has ${outputs.pairs.length} rows`)
  }
  faults.push(...inputFaults(arena.feed.acknowledged, input), ...facts.faults)
  const models = await openModels(
    app,
    { model: null, fallback: null, bundles, kept: join(arena.folder, 'models') },
    { scored: () => undefined, degraded: () => undefined },
  )
  try {
    const placed = input.flatMap((records, partition) =>
      records.map((record) => ({ record, partition })),
    )
    const due = await round.undisturbed(placed, models.scoring)
    faults.push(...factDifferences(facts, due))
  } finally {
    await models.close()
  }
  faults.push(...(await storeFaults(arena)))
  faults.push(...(await arena.follower.end()))
  faults.push(...(await verifyFaults(arena)))
  const { fullRestores, followed } = await openings(arena)
  if (fullRestores > 0) faults.push(`${fullRestores} stores on a kept disk were restored in full`)
  const records = input.reduce((sum, { length }) => sum + length, 0)
  return { faults, restMs, records, rows, commits: facts.commits, fullRestores, followed }
}

const bundles = fileURLToPath(new URL('../../../bundles/churn', import.meta.url))

/** What each opening had to copy, and how many copied all although their disk had something. */
async function openings(arena: Arena): Promise<Pick<Verdict, 'fullRestores' | 'followed'>> {
  const followed: number[] = []
  let fullRestores = 0
  for (const started of arena.started) {
    const seen = await arena.held(started)
    for (const { partition, offsets, from } of started.worker.followed) {
      followed.push(offsets)
      if (from === 0 && offsets > 0 && seen.has(partition)) fullRestores++
      seen.add(partition)
    }
  }
  return { fullRestores, followed }
}

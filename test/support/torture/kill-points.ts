/**
 * Where workers over Kafka and Redis are killed: the sixteen kill points of the reliability plan, and
 * the failpoints that stand for each (docs/TORTURE.md has the table with its reasons).
 */
import type { Random } from '../random.js'

export interface KillPoint {
  readonly id: string
  /** In words, for reports. */
  readonly where: string
  /** The failpoints that stand for it; each card draws one. */
  readonly at: readonly string[]
  /** At most so many times the point is passed before the kill. */
  readonly timesMax: number
  /** Whether the point lies in the drain of a SIGTERM. */
  readonly isDrain?: boolean
}

export const killPoints: readonly KillPoint[] = [
  { id: 'K1', where: 'after a fetch', at: ['engine.after-fetch'], timesMax: 12 },
  { id: 'K2', where: 'mid batch', at: ['engine.mid-batch'], timesMax: 12 },
  { id: 'K3', where: 'outputs on their way', at: ['kafka.producing'], timesMax: 8 },
  { id: 'K4', where: 'outputs and state produced', at: ['kafka.produced'], timesMax: 8 },
  { id: 'K5', where: 'partitions in the transaction', at: ['kafka.begun'], timesMax: 8 },
  { id: 'K6', where: 'transaction beginning', at: ['kafka.beginning'], timesMax: 8 },
  { id: 'K7', where: 'EndTxn sent, no answer read', at: ['kafka.ending'], timesMax: 8 },
  {
    id: 'K8',
    where: 'EndTxn answered, nothing followed',
    at: ['kafka.committed', 'engine.after-log', 'engine.before-snapshots'],
    timesMax: 8,
  },
  {
    id: 'K9',
    where: 'in the flush of the store',
    at: ['engine.before-flush', 'state.before-flush', 'state.in-flush'],
    timesMax: 2,
  },
  { id: 'K10', where: 'before Redis', at: ['redis.before-rows'], timesMax: 8 },
  { id: 'K11', where: 'in the pipeline to Redis', at: ['redis.in-rows'], timesMax: 8 },
  {
    id: 'K12',
    where: 'after Redis',
    at: ['redis.after-rows', 'redis.after-record'],
    timesMax: 8,
  },
  { id: 'K13', where: 'in a restore', at: ['engine.in-restore'], timesMax: 2 },
  { id: 'K14', where: 'fenced, nothing read', at: ['engine.after-fence'], timesMax: 3 },
  {
    id: 'K15',
    where: 'closing a store',
    at: ['state.in-close'],
    timesMax: 2,
    isDrain: true,
  },
  { id: 'K16', where: 'in the drain', at: ['engine.in-drain'], timesMax: 2, isDrain: true },
]

/** One death that is to come, and what comes after it. */
export interface Card {
  readonly point: KillPoint
  /** As in the environment of the process. */
  readonly failpoint: string
  /** Of a drain: how long after it has partitions SIGTERM is sent, in ms. */
  readonly termAfterMs: number
  /** Whether the disk is new when the process starts. */
  readonly isWiped: boolean
  /** Whether others may take its partitions over before the slot is filled again. */
  readonly isLate: boolean
}

/** Each kill point `times` times, shuffled. */
export function deckOf(random: Random, times: number): Card[] {
  const deck: Card[] = []
  for (const point of killPoints) {
    for (let i = 0; i < times; i++) deck.push(cardOf(point, random))
  }
  for (let i = deck.length - 1; i > 0; i--) {
    const j = random.below(i + 1)
    ;[deck[i], deck[j]] = [deck[j], deck[i]]
  }
  return deck
}

function cardOf(point: KillPoint, random: Random): Card {
  const name = point.at[random.below(point.at.length)]
  return {
    point,
    failpoint: `${name}:kill:${1 + random.below(point.timesMax)}`,
    termAfterMs: random.below(1_500),
    isWiped: random.below(16) === 0,
    isLate: random.below(4) === 0,
  }
}

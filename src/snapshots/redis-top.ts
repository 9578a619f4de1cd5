/** The top lists of a partition in Redis: made from the customers' hashes, published as one key. */
import { riskLevelOf } from '../scoring/risk.js'
import { type DayScores, withScore } from './day-scores.js'
import type { RedisKeys } from './redis-keys.js'
import type { RedisCall, RedisLink } from './redis-link.js'
import { TopKeeper, type TopSource } from './top-keeper.js'
import { type PartitionTop, riskLevels, type TopEntry, type TopRow } from './top-lists.js'

/** @example daysText([19000, 0.5, 19001, 0.75]) // '19000:0.5 19001:0.75' */
export function daysText(days: DayScores): string {
  const parts: string[] = []
  for (let at = 0; at < days.length; at += 2) parts.push(`${days[at]}:${days[at + 1]}`)
  return parts.join(' ')
}

/** The days behind `daysText`; of anything else, what can be read. */
export function daysFrom(text: string): DayScores {
  let days: DayScores = []
  for (const part of text.split(' ')) {
    const [day, probability] = part.split(':')
    if (probability !== undefined) days = withScore(days, Number(day), Number(probability))
  }
  return days
}

const topFields = [
  'partition',
  'version',
  'erased',
  'asOf',
  'retired',
  'score',
  'risk',
  'scoreDays',
]

/** `follows`: whether a partition is this process's. */
export function redisTop(
  link: RedisLink,
  keys: RedisKeys,
  follows: (partition: number) => boolean,
  everyMs: number,
): TopKeeper {
  const step = 'reading for the top lists'
  const read = async (names: readonly string[]) => {
    const calls = names.map((name) => ({ command: 'hmget', keys: [name], rest: topFields }))
    const replies = (await link.send(calls, step)) as (Buffer | null)[][]
    return replies.map((values, index) => topRowFrom(keys.customerOf(names[index]), values))
  }
  const source: TopSource = {
    async *scan() {
      for await (const names of link.scan(keys.customers, step)) {
        const rows = await read(names)
        yield rows.filter((row) => row !== null && follows(row.partition)) as TopRow[]
      }
    },
    rows: (customers) => read(customers.map((customer) => keys.customer(customer))),
  }
  return new TopKeeper(source, { everyMs })
}

function topRowFrom(customer: string, values: readonly (Buffer | null)[]): TopRow | null {
  const [partition, version, erased, asOf, retired, score, risk, days] = values.map(
    (value) => value?.toString() ?? '',
  )
  if (partition === '' || version === '') return null
  const place = { customer, partition: Number(partition), version: Number(version) }
  if (erased !== '') return { ...place, head: null, days: [] }
  const probability = score === '' ? NaN : Number(score)
  const level = risk === '' ? null : riskLevelOf(probability)
  const head = { asOf: Number(asOf), retired: retired === '1', probability, risk: level }
  return { ...place, head, days: daysFrom(days) }
}

export function publishCall(keys: RedisKeys, top: PartitionTop): RedisCall {
  return { command: 'set', keys: [keys.top(top.partition)], rest: [encodeTop(top)] }
}

export function topCall(keys: RedisKeys, partition: number): RedisCall {
  return { command: 'get', keys: [keys.top(partition)], rest: [] }
}

/** The reply to `topCall`; where there is none, lists that say so. */
export function topFrom(partition: number, reply: unknown): PartitionTop {
  if (!Buffer.isBuffer(reply)) {
    const none = { high: [], medium: [], low: [] }
    return { partition, complete: false, since: null, risk: none, change: none }
  }
  return decodeTop(partition, JSON.parse(reply.toString()) as StoredTop)
}

type StoredEntry = readonly [
  customer: string,
  commit: number,
  asOf: number,
  probability: number,
  movedBy: number | null,
]

interface StoredTop {
  readonly complete: boolean
  readonly since: number | null
  /** By risk level in the order of `riskLevels`. */
  readonly risk: readonly (readonly StoredEntry[])[]
  readonly change: readonly (readonly StoredEntry[])[]
}

function encodeTop({ complete, since, risk, change }: PartitionTop): string {
  const entries = (lists: PartitionTop['risk']) =>
    riskLevels.map((level) =>
      lists[level].map(({ customer, commit, asOf, probability, movedBy }): StoredEntry => {
        return [customer, commit, asOf, probability, movedBy]
      }),
    )
  const stored: StoredTop = { complete, since, risk: entries(risk), change: entries(change) }
  return JSON.stringify(stored)
}

function decodeTop(partition: number, stored: StoredTop): PartitionTop {
  const entries = (lists: StoredTop['risk']) => {
    const of = (place: number): TopEntry[] =>
      lists[place].map(([customer, commit, asOf, probability, movedBy]) => {
        const risk = riskLevels[place]
        return { customer, partition, commit, asOf, probability, risk, movedBy }
      })
    return { high: of(0), medium: of(1), low: of(2) }
  }
  const { complete, since, risk, change } = stored
  return { partition, complete, since, risk: entries(risk), change: entries(change) }
}

/** `GET /v1/top`: whose risk is highest, or moved most, over all partitions. */
import type { RiskLevel } from '../scoring/risk.js'
import { type PartitionTop, riskLevels, type TopEntry, topMax } from '../snapshots/top-lists.js'
import { type CustomerLookup, isoOf, whileServersAnswer } from './customer.js'
import { Problem } from './problems.js'

/** As they came: a name that came twice is a list. */
export type TopParameters = Readonly<Record<'risk' | 'by' | 'limit', unknown>>

export interface TopQuery {
  /** null: all of them. */
  readonly risk: RiskLevel | null
  readonly by: 'risk' | 'change'
  readonly limit: number
}

/**
 * The parameters of a request, or what holds without them: `by=risk`, any risk, 50 customers.
 *
 * @throws Problem RISK_INVALID, ORDER_INVALID, LIMIT_INVALID
 * @example topQuery({ risk: 'high', by: undefined, limit: '5' }) // { risk: 'high', by: 'risk', limit: 5 }
 */
export function topQuery({ risk, by = 'risk', limit = String(topMax) }: TopParameters): TopQuery {
  const level = riskLevels.find((one) => one === risk) ?? null
  if (risk !== undefined && level === null) {
    throw new Problem('RISK_INVALID', `risk is one of ${riskLevels.join(', ')}`)
  }
  if (by !== 'risk' && by !== 'change') {
    throw new Problem('ORDER_INVALID', 'by is risk or change')
  }
  const most = typeof limit === 'string' && /^[0-9]{1,2}$/.test(limit) ? Number(limit) : NaN
  if (!(most >= 1 && most <= topMax)) {
    throw new Problem('LIMIT_INVALID', `limit is a whole number of 1 to ${topMax}`)
  }
  return { risk: level, by, limit: most }
}

/** @throws Problem SNAPSHOTS_UNAVAILABLE */
export async function lookUpTop(
  { lookups, engine }: Pick<CustomerLookup, 'lookups' | 'engine'>,
  query: TopQuery,
): Promise<object> {
  const tops = await whileServersAnswer(() => lookups.top())
  const { risk, by } = query
  return {
    by,
    risk,
    // Whether nobody is missing: after a start all customers have to be looked at first.
    complete: tops.length > 0 && tops.every(({ complete }) => complete),
    movesSince: isoOf(earliest(tops)),
    customers: merged(tops, query).map(({ asOf, ...entry }) => ({ ...entry, asOf: isoOf(asOf) })),
    synthetic: engine.status().synthetic,
  }
}

/** Partitions stand at instants of their own; their moves are those since the earliest, at most. */
function earliest(tops: readonly PartitionTop[]): number | null {
  const since = tops.flatMap((top) => top.since ?? [])
  return since.length === 0 ? null : Math.min(...since)
}

function merged(tops: readonly PartitionTop[], { risk, by, limit }: TopQuery): TopEntry[] {
  const levels = risk === null ? riskLevels : [risk]
  const valueOf = ({ probability, movedBy }: TopEntry) =>
    by === 'risk' ? probability : Math.abs(movedBy ?? 0)
  return tops
    .flatMap((top) => levels.flatMap((level) => top[by][level]))
    .sort((a, b) => valueOf(b) - valueOf(a) || (a.customer < b.customer ? -1 : 1))
    .slice(0, limit)
}

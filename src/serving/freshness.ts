import type { TimeBase } from '../log/log.js'
import type { PartitionProof } from '../snapshots/snapshots.js'

/** Beyond the source's own delay: how far asOf may be from now, in ms of wall time. */
const FRESHNESS_MARGIN_MS = 3_000

export type UnprovenReason = 'historic' | 'no-proof' | 'behind' | 'stale' | 'expired'

/**
 * Whether a snapshot is what the features are *now*.
 *
 * `ageSeconds` is the age of the partition's asOf in event time; null where time has no base, or
 * nothing was ever proved.
 */
export type Freshness =
  | { readonly status: 'exact'; readonly ageSeconds: number }
  | {
      readonly status: 'unproven'
      readonly reason: UnprovenReason
      readonly ageSeconds: number | null
    }

export interface FreshnessFacts {
  readonly timeBase: TimeBase
  /** The instant that the time base shows, ms UTC; null where the base is `none`. */
  readonly now: number | null
  /** What is proved of the partition; read before the row. */
  readonly proof: PartitionProof | null
  /** First instant at which a value may change by time alone; null: never. */
  readonly validUntil: number | null
  /** How long the source may hold an event back, in ms of wall time. */
  readonly lagAllowanceMs: number
}

/**
 * Exact only where three things hold together: the partition is caught up, its asOf is close to
 * now, and no value has changed by time alone since. Everything else is unproven, not wrong.
 *
 * @example
 * freshnessOf({ timeBase: { kind: 'none' }, now: null, proof: null, validUntil: null,
 *   lagAllowanceMs: 0 }) // { status: 'unproven', reason: 'historic', ageSeconds: null }
 */
export function freshnessOf(facts: FreshnessFacts): Freshness {
  const { timeBase, now, proof, validUntil } = facts
  if (timeBase.kind === 'none' || now === null) return unproven('historic', null)
  if (proof === null) return unproven('no-proof', null)
  const age = now - proof.asOf
  const ageSeconds = Math.max(0, age) / 1000
  if (!proof.caughtUp) return unproven('behind', ageSeconds)
  const speed = timeBase.kind === 'virtual' ? timeBase.speed : 1
  // An asOf ahead of now (events may be stamped minutes ahead) is as unproven as one behind it.
  if (Math.abs(age) > (facts.lagAllowanceMs + FRESHNESS_MARGIN_MS) * speed) {
    return unproven('stale', ageSeconds)
  }
  if (validUntil !== null && now >= validUntil) return unproven('expired', ageSeconds)
  return { status: 'exact', ageSeconds }
}

function unproven(reason: UnprovenReason, ageSeconds: number | null): Freshness {
  return { status: 'unproven', reason, ageSeconds }
}

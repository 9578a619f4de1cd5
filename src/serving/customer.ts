/** `GET /v1/customers/:id`: what the engine knows of one customer, and whether it is true now. */
import { exitCode, TidemarkError } from '../errors.js'
import type { Coordinates, FeaturesRow, ScoreRow } from '../events/output-rows.js'
import type { EngineStatus } from '../topology/status.js'
import { freshnessOf } from './freshness.js'
import type { Lookups } from './lookups.js'
import { Problem } from './problems.js'

/** Turns the stored rows of a snapshot back into values; `OutputRows` is one. */
export interface RowDecoder {
  decodeFeatures(bytes: Uint8Array): FeaturesRow
  decodeScore(bytes: Uint8Array): ScoreRow
}

export interface CustomerLookup {
  readonly engine: { status(): Pick<EngineStatus, 'timeBase' | 'now' | 'synthetic'> }
  readonly lookups: Lookups
  readonly rows: RowDecoder
  /** How long the source may hold an event back, in ms of wall time. */
  readonly lagAllowanceMs: number
}

const CUSTOMER_ID_BYTES_MAX = 256

/**
 * The answer for one customer. Ids are bytes: no trimming, no normalisation.
 *
 * @throws Problem CUSTOMER_ID_INVALID (empty, or above 256 bytes of UTF-8), CUSTOMER_NOT_FOUND,
 *   CUSTOMER_ELSEWHERE, SNAPSHOTS_UNAVAILABLE
 */
export async function lookUpCustomer(lookup: CustomerLookup, id: string): Promise<object> {
  const { row: features, snapshot, freshness } = await findCustomer(lookup, id)
  const status = lookup.engine.status()
  const score = snapshot.score === null ? null : lookup.rows.decodeScore(snapshot.score)
  return {
    customer: id,
    features: features.values,
    score: score && scoreOf(score),
    coordinates: coordinatesOf(features),
    validUntil: isoOf(features.validUntil),
    freshness: freshness(features.validUntil),
    now: isoOf(status.now),
    cause: features.cause,
    eligible: features.eligible,
    retired: features.retired,
    featureSet: features.featureSet,
    appHash: features.appHash,
    synthetic: status.synthetic,
  }
}

/** A customer's row, and what says whether it is true now. Raises what `lookUpCustomer` raises. */
export async function findCustomer(lookup: CustomerLookup, id: string) {
  const bytes = Buffer.byteLength(id)
  if (bytes === 0 || bytes > CUSTOMER_ID_BYTES_MAX) {
    throw new Problem(
      'CUSTOMER_ID_INVALID',
      `a customer id has 1 to ${CUSTOMER_ID_BYTES_MAX} bytes; this one has ${bytes}`,
    )
  }
  const { snapshot, proof } = await whileServersAnswer(() => lookup.lookups.find(id))
  const status = lookup.engine.status()
  const freshness = (validUntil: number | null) =>
    freshnessOf({ ...status, proof, validUntil, lagAllowanceMs: lookup.lagAllowanceMs })
  if (snapshot === null) {
    const text = `no event of customer ${JSON.stringify(id)} was seen`
    // Where that is not proved, his events or his row may still be on their way.
    throw new Problem('CUSTOMER_NOT_FOUND', text, { freshness: freshness(null) })
  }
  return { row: lookup.rows.decodeFeatures(snapshot.features), snapshot, freshness }
}

function scoreOf(score: ScoreRow) {
  return {
    probability: score.probability,
    risk: score.risk,
    /** Whether the probability is at or above the bundle's threshold. */
    decision: score.decision,
    bundle: score.bundle,
    experiment: score.experiment,
    variant: score.variant,
    servedBy: score.servedBy,
    degraded: score.degraded,
    // A score may be newer than the features it was made of: a promotion re-scores.
    coordinates: coordinatesOf(score),
    cause: score.cause,
  }
}

export function coordinatesOf(row: Coordinates) {
  return {
    topic: row.topic,
    partition: row.partition,
    endOffset: row.endOffset,
    asOf: isoOf(row.asOf),
    commit: row.commit,
  }
}

/** A server that is away is no mistake of ours. */
export async function whileServersAnswer<T>(ask: () => Promise<T>): Promise<T> {
  try {
    return await ask()
  } catch (error) {
    const isServers =
      error instanceof TidemarkError &&
      (error.exit === exitCode.dependency || error.exit === exitCode.configuration)
    if (!isServers) throw error
    throw new Problem('SNAPSHOTS_UNAVAILABLE', `${error.code}: the snapshots cannot be read now`)
  }
}

export function isoOf(instant: number | null): string | null {
  return instant === null ? null : new Date(instant).toISOString()
}

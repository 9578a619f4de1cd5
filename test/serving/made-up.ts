/** A made-up engine, board and snapshots for what is served. */
import type { OutputChange } from '../../src/events/output-changes.js'
import type { FeaturesRow, ScoreRow } from '../../src/events/output-rows.js'
import { createMetrics } from '../../src/monitoring/metrics.js'
import { ScoreBoard } from '../../src/monitoring/score-board.js'
import type { Served } from '../../src/serving/http.js'
import { ownLookups } from '../../src/serving/lookups.js'
import { notReadyReasons } from '../../src/serving/readiness.js'
import type { PartitionProof, Snapshot, SnapshotStore } from '../../src/snapshots/snapshots.js'
import type { PartitionTop, TopEntry } from '../../src/snapshots/top-lists.js'
import { riskLevelOf } from '../../src/scoring/risk.js'
import type { EngineStatus, PartitionStatus } from '../../src/topology/status.js'

export const NOW = Date.parse('2025-03-03T14:20:00Z')
const HASH = '3fa2b19c'.repeat(8)

export function partitionStatus(change: Partial<PartitionStatus> = {}): PartitionStatus {
  return {
    partition: 0,
    endOffset: 1_204_310,
    logEndOffset: 1_204_310,
    logClock: NOW - 4_000,
    logTime: NOW - 4_000,
    asOf: NOW - 2_000,
    commit: 48_211,
    generation: 1,
    caughtUp: true,
    customers: 5_000,
    accepted: 1_190_102,
    duplicates: 9_611,
    late: 3_204,
    erasures: 0,
    lost: 0,
    rejected: { FIELD_RANGE: 812, EVENT_IN_FUTURE: 401, KEY_MISSING: 180 },
    flagged: { hasProfile: 96 },
    scoresByEvent: 310_004,
    scoresByTime: 902_551,
    degraded: 0,
    timersWaiting: 4_981,
    timersOverdueSeconds: 0,
    restoring: null,
    restoredPerSecond: null,
    lastCommitMs: 11,
    stateBytes: 21_000_000,
    stateEntries: 14_000,
    provedAt: null,
    storesSetAside: 0,
    failures: { COMMIT_UNKNOWN: 1 },
    aborted: 1,
    ...change,
  }
}

export function engineStatus(
  change: Partial<EngineStatus> = {},
  partition: Partial<PartitionStatus> = {},
): EngineStatus {
  return {
    app: 'churn',
    appHash: HASH,
    generation: 1,
    featureSet: 'churn/1',
    synthetic: true,
    timeBase: { kind: 'virtual', origin: NOW - 86_400_000, speed: 4_320 },
    now: NOW,
    startedAt: Date.parse('2026-01-01T00:00:00Z'),
    state: 'running',
    failure: null,
    model: {
      name: 'churn-demo',
      version: '1',
      hash: HASH,
      threshold: 0.31,
      appHash: HASH,
      synthetic: true,
    },
    partitions: [partitionStatus(partition)],
    ...change,
  }
}

export const proof: PartitionProof = {
  partition: 0,
  asOf: NOW - 2_000,
  endOffset: 1_204_310,
  commit: 48_211,
  caughtUp: true,
}

const coordinates = {
  topic: 'churn.events',
  partition: 0,
  endOffset: 1_204_298,
  asOf: NOW - 6_000,
  commit: 48_207,
  cause: 'time',
  validUntil: NOW + 15_120_000,
} as const

const featuresRow: Omit<FeaturesRow, 'customer'> = {
  ...coordinates,
  retired: false,
  eligible: true,
  featureSet: 'churn/1',
  appHash: HASH,
  values: {
    age: 41,
    plan: 'plus',
    payment_method: 'card',
    tenure_days: 512,
    logins_last_7_days: 1,
    logins_last_30_days: 9,
    logins_last_90_days: 44,
    avg_session_duration_30d: 1_103.25,
    total_content_consumed_30d: 17,
    login_frequency_trend: 0.2922,
    days_since_last_login: 6,
    days_since_last_payment: 21,
    support_interaction_count_90d: 2,
    payment_failures_last_6_months: 1,
    plan_changes_last_year: 0,
    billing_amount_change_pct: null,
  },
}

const scoreRow: Omit<ScoreRow, 'customer'> = {
  ...coordinates,
  bundle: { name: 'churn-demo', version: '1', hash: HASH },
  experiment: null,
  variant: null,
  probability: 0.6248999834060669,
  risk: 'medium',
  decision: true,
  servedBy: { name: 'churn-demo', hash: HASH },
  degraded: null,
}

/** What led to the row, newest first: time passed, he looked in again, time passed, he came. */
const steps: readonly OutputChange[] = [
  stepAt(48_207, 0, 'time', 0.6248999834060669, {}),
  stepAt(47_911, 86_400_000, 'time', 0.5812000036239624, { logins_last_7_days: 2 }),
  stepAt(46_020, 518_400_000, 'event', 0.31200000643730164, {
    logins_last_7_days: 3,
    days_since_last_login: 0,
    plan: 'basic',
  }),
  stepAt(45_001, 604_800_000, 'event', null, { logins_last_7_days: 1, plan: null }),
]

function stepAt(
  commit: number,
  agoMs: number,
  cause: OutputChange['cause'],
  probability: number | null,
  values: OutputChange['values'],
): OutputChange {
  const risk = probability === null ? 'unknown' : probability > 0.4 ? 'medium' : 'low'
  return {
    commit,
    asOf: coordinates.asOf - agoMs,
    endOffset: coordinates.endOffset - agoMs / 1_000,
    cause,
    retired: false,
    score: { probability, risk },
    values: { ...featuresRow.values, ...values },
  }
}

/** Of each level one customer more than of the one above. */
export const madeUpTop: PartitionTop = {
  partition: 0,
  complete: true,
  since: Date.parse('2025-03-02T00:00:00Z'),
  risk: { high: topEntries(0.9, 3), medium: topEntries(0.6, 4), low: topEntries(0.3, 5) },
  change: { high: topEntries(0.9, 3), medium: topEntries(0.6, 1), low: topEntries(0.3, 2) },
}

function topEntries(probability: number, count: number): TopEntry[] {
  const risk = riskLevelOf(probability)!
  return Array.from({ length: count }, (_, index) => ({
    customer: `c-${risk}-${index}`,
    partition: 0,
    commit: 48_200 - index,
    asOf: NOW - 60_000 * index,
    probability: probability - index / 100,
    risk,
    movedBy: index === 2 ? null : (probability - 0.55) / (index + 1),
  }))
}

/** Snapshots hold the customer's id as their bytes: the decoder makes the rest up. */
export function snapshotOf(customer: string): Snapshot {
  const bytes = Buffer.from(customer)
  return { customer, partition: 0, version: 48_207, features: bytes, score: bytes }
}

/** What `start` serves, over snapshots whose calls a test may replace. */
export interface MadeUp extends Served {
  readonly errors: unknown[]
  readonly engine: { readonly status: () => EngineStatus }
  readonly board: ScoreBoard
  readonly snapshots: OwnSnapshots
}

type OwnSnapshots = Pick<SnapshotStore, 'get' | 'history' | 'proof' | 'top'>

export function served(
  status: () => EngineStatus = () => engineStatus(),
  own: Partial<OwnSnapshots> = {},
): MadeUp {
  const board = new ScoreBoard()
  const engine = { status }
  const errors: unknown[] = []
  const snapshots = {
    get: async (customer: string) => (customer.startsWith('nobody') ? null : snapshotOf(customer)),
    history: async () => steps.map((_, index) => Buffer.from([index])),
    proof: () => proof,
    top: () => madeUpTop,
    ...own,
  }
  return {
    engine,
    board,
    snapshots,
    lookups: ownLookups({ engine, snapshots, partitions: 1 }),
    notReady: () => notReadyReasons(status()),
    ownNamesOnly: true,
    live: { engine, board, topic: 'churn.events' },
    errors,
    metrics: createMetrics(engine, board),
    lagAllowanceMs: 0,
    onError: (error) => errors.push(error),
    rows: {
      decodeFeatures: (bytes) => ({ ...featuresRow, customer: Buffer.from(bytes).toString() }),
      decodeScore: (bytes) => ({ ...scoreRow, customer: Buffer.from(bytes).toString() }),
    },
    changes: { decode: ([index]) => steps[index] },
  }
}

/**
 * The process in Prometheus' words.
 *
 * Owns names and labels, and nothing else: every scrape asks the engine and the board for what they
 * count anyway. Only the durations of commits are kept here, for no status can hold a histogram.
 *
 * M1 Base units (seconds, bytes), and no label whose values grow with the customers.
 * M2 Counters of records and commits are those of the log's whole history: they survive a restart, and fall back
 *    only with a log that is new.
 */
import { collectDefaultMetrics, Counter, Histogram, Registry } from 'prom-client'
import type { PartitionStatus, StatusSource } from '../topology/status.js'
import { gaugesOf, type Sample } from './gauges.js'
import type { ScoreBoard } from './score-board.js'
import {
  addServers,
  type LookupMetrics,
  lookupsOf,
  type ObservedServers,
} from './server-metrics.js'

export interface Metrics extends LookupMetrics {
  /** One commit is durable; `seconds` of wall time since it was closed. */
  observeCommit(partition: number, seconds: number): void
}

export function createMetrics(
  source: StatusSource,
  board: ScoreBoard,
  servers: ObservedServers = {},
): Metrics {
  const registry = new Registry()
  // One status a scrape: figures of one answer must fit together.
  let scraped = source.status()
  const engine: StatusSource = { status: () => scraped }
  collectDefaultMetrics({ register: registry, prefix: 'tidemark_' })
  addCounters(registry, engine)
  addFailures(registry, engine)
  addOwnCounters(registry, engine, board)
  addGauges(registry, engine)
  addServers(registry, servers)
  const commitDuration = new Histogram({
    name: 'tidemark_commit_duration_seconds',
    help: 'Wall time from closing a commit to its durability.',
    labelNames: ['partition'],
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5],
    registers: [registry],
  })
  return {
    contentType: registry.contentType,
    render: () => {
      scraped = source.status()
      return registry.metrics()
    },
    observeCommit: (partition, seconds) => commitDuration.observe({ partition }, seconds),
    observeLookup: lookupsOf(registry),
  }
}

type AddCounter = (name: string, help: string, labels: string[], read: () => Sample[]) => void

function countersOf(registry: Registry): AddCounter {
  return (name, help, labels, read) =>
    void new Counter({
      name: `tidemark_${name}`,
      help,
      labelNames: labels,
      registers: [registry],
      collect() {
        this.reset()
        for (const [sample, value] of read()) this.inc(sample, value)
      },
    })
}

/** Of the log's whole history. */
function addCounters(registry: Registry, engine: StatusSource): void {
  const counter = countersOf(registry)
  const perPartition = (read: (task: PartitionStatus) => Sample[]) => () => samplesOf(engine, read)

  counter(
    'events_total',
    'Records of the input by what became of them.',
    ['partition', 'outcome'],
    perPartition((task) => [
      [{ outcome: 'accepted' }, task.accepted],
      [{ outcome: 'duplicate' }, task.duplicates],
      [{ outcome: 'late' }, task.late],
      [{ outcome: 'rejected' }, sum(task.rejected)],
      [{ outcome: 'erasure' }, task.erasures],
    ]),
  )
  counter(
    'rejects_total',
    'Rejected records by code.',
    ['partition', 'code'],
    perPartition((task) => Object.entries(task.rejected).map(([code, n]) => [{ code }, n])),
  )
  counter(
    'rule_flags_total',
    'Events that broke a rule which only flags.',
    ['partition', 'rule'],
    perPartition((task) => Object.entries(task.flagged).map(([rule, n]) => [{ rule }, n])),
  )
  counter(
    'commits_total',
    'Number of the last commit.',
    ['partition'],
    perPartition((task) => [[{}, task.commit]]),
  )
}

/** Since the process began. */
function addOwnCounters(registry: Registry, engine: StatusSource, board: ScoreBoard): void {
  const counter = countersOf(registry)
  const perPartition = (read: (task: PartitionStatus) => Sample[]) => () => samplesOf(engine, read)
  counter(
    'degraded_scores_total',
    'Scores since the start of which the model in force failed.',
    ['partition', 'model'],
    perPartition((task) => [[{ model: modelOf(engine) }, task.degraded]]),
  )
  counter(
    'scores_total',
    'Scores since the start of this process, by cause and risk.',
    ['cause', 'risk'],
    () => board.counts().map(({ cause, risk, count }): Sample => [{ cause, risk }, count]),
  )
}

/** What went wrong and was gone on behind. */
function addFailures(registry: Registry, engine: StatusSource): void {
  const counter = countersOf(registry)
  const perPartition = (read: (task: PartitionStatus) => Sample[]) => () => samplesOf(engine, read)
  counter(
    'lost_offsets_total',
    'Offsets of the input that the log had deleted before they were read.',
    ['partition'],
    perPartition((task) => [[{}, task.lost]]),
  )
  counter(
    'stores_set_aside_total',
    'Damaged stores since the start that were set aside and made again from the log.',
    ['partition'],
    perPartition((task) => [[{}, task.storesSetAside]]),
  )
  counter(
    'failures_total',
    'Failures since the start behind which a partition was opened again, by code.',
    ['partition', 'code'],
    perPartition((task) => Object.entries(task.failures).map(([code, n]) => [{ code }, n])),
  )
  counter(
    'commits_aborted_total',
    'Commits since the start that were begun and did not take place, or are not known to have.',
    ['partition'],
    perPartition((task) => [[{}, task.aborted]]),
  )
}

/** Samples of every partition, each with its number. */
function samplesOf(engine: StatusSource, read: (task: PartitionStatus) => Sample[]): Sample[] {
  const { partitions } = engine.status()
  return partitions.flatMap((task) =>
    read(task).map(([labels, value]): Sample => [{ partition: task.partition, ...labels }, value]),
  )
}

function addGauges(registry: Registry, engine: StatusSource): void {
  const gauge = gaugesOf(registry)
  /** One figure a partition; null leaves the sample out, for 0 would be a lie. */
  const figure = (name: string, help: string, read: (task: PartitionStatus) => number | null) =>
    gauge(name, help, ['partition'], () =>
      engine.status().partitions.flatMap((task) => {
        const value = read(task)
        return value === null ? [] : [[{ partition: task.partition }, value] as const]
      }),
    )

  figure('lag_records', 'Records of the input that are not committed yet.', (task) =>
    Math.max(0, task.logEndOffset - task.endOffset),
  )
  figure('lag_seconds', 'Event time between now and asOf; none on a historic log.', (task) => {
    const { now } = engine.status()
    return now === null || task.asOf === null ? null : Math.max(0, now - task.asOf) / 1000
  })
  figure('caught_up', '1 where the source has proved that nothing is left.', (task) =>
    Number(task.caughtUp),
  )
  figure('generation', 'Generation that the last commit is of.', (task) => task.generation)
  figure('customers', 'Customers with state.', (task) => task.customers)
  figure('timers_waiting', 'Customers whose features will change by time.', (t) => t.timersWaiting)
  figure(
    'timers_overdue_seconds',
    'Age of the oldest due timer, event time.',
    (task) => task.timersOverdueSeconds,
  )
  figure('state_memory_bytes', 'State held in memory.', (task) => task.stateBytes)
  figure('state_memory_entries', 'Keys of the state held in memory.', (task) => task.stateEntries)
  figure(
    'state_proved_timestamp_seconds',
    'Unix time at which the whole state was last found to be what was written.',
    (task) => (task.provedAt === null ? null : task.provedAt / 1000),
  )
  figure('restore_remaining_records', 'Records that the state has still to follow.', (task) =>
    task.restoring === null ? 0 : Math.max(0, task.restoring.total - task.restoring.done),
  )
  figure(
    'restore_records_per_second',
    'Records that the state follows a second.',
    (task) => task.restoredPerSecond,
  )
  figure('restore_seconds_left', 'Time until the state has followed all, at this rate.', (task) => {
    const { restoring, restoredPerSecond } = task
    if (restoring === null || !restoredPerSecond) return null
    return (restoring.total - restoring.done) / restoredPerSecond
  })
  gauge('engine_state', '1 for the state the engine is in.', ['state'], () => [
    [{ state: engine.status().state }, 1],
  ])
  gauge('model_info', 'The model in force.', ['model', 'hash', 'synthetic'], () => {
    const { hash, synthetic } = engine.status().model
    return [[{ model: modelOf(engine), hash, synthetic: String(synthetic) }, 1]]
  })
}

function modelOf(engine: StatusSource): string {
  const { name, version } = engine.status().model
  return `${name}@${version}`
}

function sum(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((total, count) => total + count, 0)
}

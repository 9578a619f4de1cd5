/** What a process tells of the servers beside the log, and of the lookups that it answers. */
import { collectDefaultMetrics, Histogram, Registry } from 'prom-client'
import type { GroupCounts } from '../log/membership.js'
import type { RegistryStatus } from '../schemas/schemas.js'
import { gaugesOf, type Sample } from './gauges.js'

/** Whether the snapshots of another server follow the log; Redis tells it. */
export interface SnapshotsHealth {
  /** The code of what keeps writes from it; null: nothing. */
  readonly failure: string | null
  readonly waitingRows: number
  readonly waitingBytes: number
  /** Partitions whose outputs are put again, or have to be. */
  readonly behind: readonly number[]
}

/** Servers beside the log that a process may use; a figure of one that it does not is left out. */
export interface ObservedServers {
  readonly snapshots?: () => SnapshotsHealth
  readonly registry?: () => RegistryStatus
  readonly group?: () => GroupCounts
}

/** The metrics of a process, to be rendered and to be told of lookups. */
export interface LookupMetrics {
  readonly contentType: string
  /** All metrics in the text format. */
  render(): Promise<string>
  /** One lookup was answered with an HTTP status; `seconds` of wall time. */
  observeLookup(status: number, seconds: number): void
}

/** What a process tells that only looks up. */
export function createLookupMetrics(failure: () => string | null): LookupMetrics {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry, prefix: 'tidemark_' })
  addFailing(registry, 'snapshots', failure)
  return {
    contentType: registry.contentType,
    render: () => registry.metrics(),
    observeLookup: lookupsOf(registry),
  }
}

/** Registers the histogram of lookups. */
export function lookupsOf(registry: Registry): LookupMetrics['observeLookup'] {
  const duration = new Histogram({
    name: 'tidemark_lookup_duration_seconds',
    help: 'Wall time of a lookup of one customer, by the status of the answer.',
    labelNames: ['status'],
    buckets: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1],
    registers: [registry],
  })
  return (status, seconds) => duration.observe({ status }, seconds)
}

export function addServers(
  registry: Registry,
  { snapshots, registry: schemas, group }: ObservedServers,
): void {
  const gauge = gaugesOf(registry)
  if (snapshots !== undefined) {
    addFailing(registry, 'snapshots', () => snapshots().failure)
    gauge('snapshots_waiting_rows', 'Rows that wait for the server of snapshots.', [], () => [
      [{}, snapshots().waitingRows],
    ])
    gauge('snapshots_waiting_bytes', 'Bytes of those rows.', [], () => [
      [{}, snapshots().waitingBytes],
    ])
    gauge('snapshots_behind', '1 where outputs are put again.', ['partition'], () =>
      snapshots().behind.map((partition): Sample => [{ partition }, 1]),
    )
  }
  if (schemas !== undefined) {
    addFailing(registry, 'schema_registry', () => schemas().failure)
    gauge('schema_registry_schemas', 'Ids of schemas that are known.', [], () => [
      [{}, schemas().schemas],
    ])
  }
  if (group !== undefined) {
    gauge('group_rebalances', 'Rounds of the group since the start.', [], () => [
      [{}, group().rebalances],
    ])
    gauge('group_lost', 'Times that the group went on without this member.', [], () => [
      [{}, group().lost],
    ])
  }
}

function addFailing(registry: Registry, server: string, read: () => string | null): void {
  const help = '1 with the code of what is wrong with the server, or the way to it.'
  gaugesOf(registry)(`${server}_failing`, help, ['code'], () => {
    const code = read()
    return code === null ? [] : [[{ code }, 1]]
  })
}

/** The archive's process in Prometheus' words. */
import { collectDefaultMetrics, Counter, Gauge, Registry } from 'prom-client'

export interface ArchivedPartition {
  readonly partition: number
  /** Exclusive: what the archive holds. */
  readonly endOffset: number
  /** Exclusive: the end of the log when it was last asked; null: not yet. */
  readonly logEndOffset: number | null
  /** Finished ones. */
  readonly segments: number
  /** On disk. */
  readonly bytes: number
  /** Since the start, by code. */
  readonly failures: Readonly<Record<string, number>>
}

export interface ArchiveMetrics {
  readonly contentType: string
  render(): Promise<string>
}

export function createArchiveMetrics(status: () => readonly ArchivedPartition[]): ArchiveMetrics {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry, prefix: 'tidemark_' })
  const figure = (name: string, help: string, read: (it: ArchivedPartition) => number | null) =>
    new Gauge({
      name: `tidemark_archive_${name}`,
      help,
      labelNames: ['partition'],
      registers: [registry],
      collect() {
        this.reset()
        for (const it of status()) {
          const value = read(it)
          if (value !== null) this.set({ partition: it.partition }, value)
        }
      },
    })
  figure('end_offset', 'Exclusive: what the archive holds.', ({ endOffset }) => endOffset)
  figure('lag_records', 'Offsets of the log that are not archived yet.', lagOf)
  figure('segments', 'Finished segments.', ({ segments }) => segments)
  figure('bytes', 'Bytes on disk.', ({ bytes }) => bytes)
  void new Counter({
    name: 'tidemark_archive_failures_total',
    help: 'Failures since the start behind which a partition was opened again, by code.',
    labelNames: ['partition', 'code'],
    registers: [registry],
    collect() {
      this.reset()
      for (const { partition, failures } of status()) {
        for (const [code, count] of Object.entries(failures)) this.inc({ partition, code }, count)
      }
    },
  })
  return { contentType: registry.contentType, render: () => registry.metrics() }
}

/** null: the end of the log is not known yet. */
export function lagOf({ endOffset, logEndOffset }: ArchivedPartition): number | null {
  return logEndOffset === null ? null : Math.max(0, logEndOffset - endOffset)
}

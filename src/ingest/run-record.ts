/**
 * What the log remembers of an ingest: one record of the `ingests` topic in each of its
 * transactions, so that rows and progress appear together or not at all.
 */
import { type EventLog, topicsOf } from '../log/log.js'
import type { SourceFile } from './ingest-source.js'

/** Rows rejected with one code. */
export interface RejectedRows {
  readonly count: number
  /** Reason of the first one. */
  readonly example: string
}

/** Progress of a run, as its transaction left it. */
export interface IngestRun {
  readonly fingerprint: string
  /** Rows of the query that are through: appended or rejected. */
  readonly rows: number
  readonly appended: number
  readonly rejected: number
  /** The rejected rows by code; together they are `rejected`. */
  readonly rejects: Readonly<Record<string, RejectedRows>>
  /** Rows older than what other sources had brought before: they may be late. */
  readonly older: number
  /** Whether that was all of the query. */
  readonly done: boolean
  /** Largest record timestamp so far, ms UTC; null before the first record. */
  readonly lastTimestamp: number | null
  /** CRC-32 over the rows so far: a resumed query must begin with the same ones. */
  readonly chain: number
  readonly files: readonly SourceFile[]
}

/** A key in hex: a SHA-256. */
const fingerprintBytes = 64

/** The newest record of each run of this app. */
export async function readRuns(log: EventLog, app: string): Promise<Map<string, IngestRun>> {
  const topic = topicsOf(app).ingests
  const end = await log.endOffset(topic, 0)
  const runs = new Map<string, IngestRun>()
  const reader = log.reader(topic, 0, await log.startOffset(topic, 0))
  try {
    for (let at = 0; at < end;) {
      const { records } = await reader.poll(1000, 0)
      if (records.length === 0) break
      for (const { key, value, offset } of records) {
        at = offset + 1
        // Other sources keep their own books in the topic, under keys of their own.
        if (key?.length !== fingerprintBytes) continue
        const run = JSON.parse(value!.toString()) as IngestRun
        runs.set(run.fingerprint, run)
      }
    }
  } finally {
    await reader.close()
  }
  return runs
}

export function runRecord(run: IngestRun) {
  return {
    key: Buffer.from(run.fingerprint),
    value: Buffer.from(JSON.stringify(run)),
    timestamp: run.lastTimestamp ?? 0,
    headers: null,
  }
}

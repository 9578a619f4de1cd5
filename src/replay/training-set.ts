/**
 * Computes a point-in-time training set from the log.
 *
 * Owns the two passes. The first decides every record in log order up to fixed end offsets and
 * spills the valid events by customer; the second answers, customer by customer, what was asked.
 *
 * T1 The decisions are the live ones (`decide.ts`), the values the engine's own: there is no second
 *    feature code.
 * T2 The same call with the same end offsets writes the same bytes.
 * T3 Memory is bounded: a hundred bytes a customer, one bucket of events at a time; the rest is in
 *    a temporary folder.
 */
import type { App } from '../features/app.js'
import { type EventLog, topicsOf } from '../log/log.js'
import { spillAsk, type Visibility } from './asked.js'
import { BucketFolder, Buckets, bucketsFor } from './buckets.js'
import { checkRange } from './cutoffs.js'
import { decideLog } from './decide-log.js'
import { readRowsFile } from './duckdb-rows-file.js'
import { TrainingFile } from './parquet-training-file.js'
import { endOffsetsOf } from './read-log.js'
import { TrainingRows } from './training-rows.js'

export interface TrainingSetOptions {
  readonly app: App
  readonly log: EventLog
  /** The topic of the events. @default that of the app's name */
  readonly topic?: string
  /** Instants (ms UTC, ascending) at which every eligible customer gets a row, or a file of rows. */
  readonly asked:
    | { readonly kind: 'cutoffs'; readonly text: string; readonly instants: readonly number[] }
    | { readonly kind: 'rows'; readonly path: string }
  /** Whether the events were made up. @default what the app says */
  readonly synthetic?: boolean
  /** @default known */
  readonly visibility?: Visibility
  /** Path of the Parquet file. */
  readonly out: string
  /** Where prefixes begin, by partition (inclusive). @default where the log begins */
  readonly origins?: readonly number[]
  /** End offsets (exclusive) by partition, to repeat an earlier replay. @default the log's ends */
  readonly until?: readonly number[]
  /** @default the system's temporary folder */
  readonly tempFolder?: string
  readonly onProgress?: (progress: ReplayProgress) => void
  readonly signal?: AbortSignal
}

export interface ReplayProgress {
  /** `read`: records of the log; `compute`: buckets of customers. */
  readonly step: 'read' | 'compute'
  readonly done: number
  readonly total: number
}

export interface TrainingSetReport {
  readonly rows: number
  readonly labelled: number
  /** Records of the log that were read. */
  readonly records: number
  /** Exclusive, by partition: what `until` takes. */
  readonly endOffsets: readonly number[]
}

/**
 * Writes the training set. Raises `OUTPUT_EXISTS`, `OUTPUT_UNWRITABLE`, `FILE_MISSING`,
 * `TEMP_UNWRITABLE` (exit 74), `ROWS_INVALID`, `CUTOFFS_RANGE`, `UNTIL_INVALID` (exit 78), and
 * whatever the log raises.
 *
 * @example
 * const asked = { kind: 'cutoffs', text, instants: parseCutoffs(text) }
 * await writeTrainingSet({ app, log, asked, out: 'train.parquet' })
 */
export async function writeTrainingSet(options: TrainingSetOptions): Promise<TrainingSetReport> {
  const { app, log, out, topic = topicsOf(app.name).events } = options
  const endOffsets = await endOffsetsOf(log, topic, options.until)
  const folder = new BucketFolder(options.tempFolder)
  let file: TrainingFile | null = null
  try {
    file = await TrainingFile.open({
      out,
      columns: app.engine.columns,
      tempFolder: folder.path,
      order: options.asked.kind === 'rows' ? 'place' : 'instant',
    })
    return await computeInto(file, options, endOffsets, folder)
  } finally {
    file?.close()
    folder.remove()
  }
}

async function computeInto(
  file: TrainingFile,
  options: TrainingSetOptions,
  endOffsets: readonly number[],
  folder: BucketFolder,
): Promise<TrainingSetReport> {
  const { app, log, asked, signal, origins, topic = topicsOf(app.name).events } = options
  const total = endOffsets.reduce((sum, end) => sum + end, 0)
  const events = new Buckets(folder, 'events', bucketsFor(total))
  const asks = new Buckets(folder, 'asks', events.count)
  try {
    if (asked.kind === 'rows') await readRowsFile(asked.path, (ask) => spillAsk(asks, ask))
    const decided = await decideLog(
      { app, log, topic, endOffsets, origins, signal },
      events,
      (done) => options.onProgress?.({ step: 'read', done, total }),
    )
    const { records, clock, begins } = decided
    if (asked.kind === 'cutoffs') {
      checkRange(asked.instants, begins, Math.max(clock, log.now() ?? clock))
    }
    const visibility = options.visibility ?? 'known'
    const due = asked.kind === 'rows' ? { kind: asked.kind, asks } : asked
    const rows = new TrainingRows({ app, visibility, asked: due, clock }, file)
    for (let bucket = 0; bucket < events.count; bucket++) {
      signal?.throwIfAborted()
      rows.bucket(bucket, events)
      options.onProgress?.({ step: 'compute', done: bucket + 1, total: events.count })
      // Signals and progress need the event loop.
      await new Promise(setImmediate)
    }
    rows.flush()
    await file.finish(metadataOf(options, endOffsets))
    return { rows: file.rows, labelled: rows.labelled, records, endOffsets }
  } finally {
    events.close()
    asks.close()
  }
}

/** What the trainer and a later replay need to know; nothing of when or where it was computed. */
function metadataOf(options: TrainingSetOptions, endOffsets: readonly number[]): unknown {
  const { app, asked, log } = options
  const growing = new Set(app.growing)
  const { labels } = app
  return {
    app: app.name,
    appHash: app.engine.appHash,
    featureSet: app.featureSet,
    features: app.engine.columns.map((column) => ({
      ...column,
      growing: growing.has(column.name),
    })),
    visibility: options.visibility ?? 'known',
    ...(asked.kind === 'cutoffs' ? { cutoffs: asked.text } : { rows: true }),
    endOffsets,
    label: labels && { gapMs: labels.gapMs, horizonMs: labels.horizonMs, kind: labels.kind },
    synthetic: options.synthetic ?? app.synthetic,
    logId: log.id,
  }
}

/** What is settled before the first row: whether the source may be loaded, and from where on. */
import { configurationError } from '../errors.js'
import { type EventLog, topicsOf } from '../log/log.js'
import { describeTimeBase } from '../log/time-base.js'
import { identify, type IngestQuery, type SourceIdentity } from './ingest-source.js'
import { type IngestRun, readRuns } from './run-record.js'

export interface OpenedRun {
  readonly identity: SourceIdentity
  /** Where an earlier attempt got to; null where there was none. */
  readonly before: IngestRun | null
  /** Largest record timestamp that other sources brought; −Infinity where there are none. */
  readonly newest: number
}

/** Raises `FILE_MISSING`, `FILE_DAMAGED`, `QUERY_FILES`, `TIME_BASE` and `INGEST_DONE`. */
export async function openRun(
  log: EventLog,
  app: string,
  query: IngestQuery,
  speed: number | undefined,
): Promise<OpenedRun> {
  const identity = await identify(app, query)
  checkTimeBase(log, speed)
  const runs = await readRuns(log, app)
  const before = runs.get(identity.fingerprint) ?? null
  if (before?.done === true) throw alreadyLoaded(before)
  runs.delete(identity.fingerprint)
  let newest = -Infinity
  for (const { lastTimestamp } of runs.values()) newest = Math.max(newest, lastTimestamp ?? newest)
  if (before === null) newest = Math.max(newest, await newestIn(log, topicsOf(app).events))
  return { identity, before, newest }
}

function checkTimeBase({ timeBase }: EventLog, speed: number | undefined): void {
  const came = describeTimeBase(timeBase)
  if (speed === undefined) {
    if (timeBase.kind !== 'virtual') return
    const text = `the log's time base is ${came}: its clock is not that of the files`
    throw configurationError('TIME_BASE', `${text}; load them into another data directory`)
  }
  if (timeBase.kind === 'virtual' && timeBase.speed === speed) return
  const text = `the log's time base is ${came}; rows at ${speed} times their pace need a virtual one`
  throw configurationError('TIME_BASE', `${text} of that speed, fixed when the log is created`)
}

function alreadyLoaded(run: IngestRun): Error {
  const names = run.files.map(({ name }) => name).join(', ')
  const text = `${names} with this query is already loaded: ${run.rows} rows are in the log`
  return configurationError('INGEST_DONE', text)
}

async function newestIn(log: EventLog, topic: string): Promise<number> {
  let newest = -Infinity
  for (let partition = 0; partition < log.partitions(topic); partition++) {
    const last = await log.last(topic, partition)
    if (last !== null) newest = Math.max(newest, last.timestamp)
  }
  return newest
}

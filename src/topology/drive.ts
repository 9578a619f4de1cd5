/**
 * The pull loop of one partition: from a log reader to batches.
 *
 * Owns when to poll, when a tick is due and when to let the event loop breathe. Does not own what
 * a batch means.
 *
 * D1 Nothing is polled without credit, so a slow commit slows the source and not the memory.
 * D2 A tick is emitted only where the reader has proved that it is caught up, at most one in
 *    `tickEveryMs`, and never beyond what the producers in this process have promised.
 * D3 Every few milliseconds the loop yields, or lookups and heartbeats would starve.
 * D4 A stop ends the loop at a batch border.
 */
import { Observable } from 'rxjs'
import { failpoint } from '../failpoint.js'
import { type LogReader, type Poll, recordBytes } from '../log/log.js'
import type { RecordBatch } from '../operators/decode.js'
import type { Credits } from './credits.js'

/** Wall time that the loop may hold the event loop. */
const holdMsMax = 8
/** How long a poll waits for a first record when a commit is open or a timer is due. */
const busyWaitMs = 1

export interface DriveOptions {
  /** Of the next batch, in records. */
  batchRecordsMax(): number
  readonly idleWaitMs: number
  readonly tickEveryMs: number
  /** In ms of the time base. */
  readonly lagAllowanceMs: number
  readonly wallClock: () => number
  /** Where reading starts, and where it ends of itself (exclusive; null: never). */
  readonly from: number
  readonly until: number | null
  /** Whether a commit is open or a timer is due, so that an empty batch is worth its while. */
  pending(): boolean
  /** Events before this instant are all in the log; null where nobody promises anything. */
  lowWatermark(): number | null
  /** Called when everything that was in the log is through and nothing is pending. */
  idle(): void
  readonly stop: AbortSignal
}

export function drive(
  reader: LogReader,
  credits: Credits,
  options: DriveOptions,
): Observable<RecordBatch> {
  return new Observable((subscriber) => {
    const loop = async (): Promise<void> => {
      let next = options.from
      let lastTickMs = 0
      // Real time, whatever the injected clock shows: this is about the event loop, not the data.
      let yieldedMs = performance.now()
      while (!subscriber.closed && !options.stop.aborted) {
        if (options.until !== null && next >= options.until) break
        await credits.granted()
        if (options.stop.aborted) continue
        if (credits.isSpent) {
          // A commit has ended that gave nothing back, one of timers or of a tick. All credit is in
          // the open commit then, which may close now and would wait for the next batch for ever.
          subscriber.next({ records: [], bytes: 0, endOffset: next, tick: null, atEnd: false })
          continue
        }
        const size = pollSize(next, credits, options)
        const poll = within(await reader.poll(size, waitMs(options)), options.until)
        if (poll.records.length > 0) failpoint('engine.after-fetch')
        const wallMs = options.wallClock()
        next = endOf(poll, next)
        const tick = wallMs - lastTickMs >= options.tickEveryMs ? tickOf(poll, options) : null
        if (tick !== null) lastTickMs = wallMs
        if (poll.records.length > 0 || tick !== null || options.pending()) {
          const { records, atEnd } = poll
          const bytes = bytesOf(poll)
          credits.take(records.length, bytes)
          subscriber.next({ records, bytes, endOffset: next, tick, atEnd })
        } else if (poll.atEnd) options.idle()
        if (performance.now() - yieldedMs >= holdMsMax) {
          await new Promise(setImmediate)
          yieldedMs = performance.now()
        }
      }
      subscriber.complete()
    }
    const wake = (): void => credits.wake()
    options.stop.addEventListener('abort', wake)
    loop().catch((error: unknown) => subscriber.error(error))
    return () => {
      options.stop.removeEventListener('abort', wake)
      credits.wake()
    }
  })
}

function pollSize(next: number, credits: Credits, options: DriveOptions): number {
  const left = options.until === null ? Infinity : options.until - next
  return Math.min(options.batchRecordsMax(), credits.available, left)
}

/** Offsets have gaps, so as many records as are left to `until` may reach beyond it. */
function within(poll: Poll, until: number | null): Poll {
  if (until === null || endOf(poll, 0) <= until) return poll
  return { ...poll, records: poll.records.filter(({ offset }) => offset < until) }
}

function bytesOf({ records }: Poll): number {
  let bytes = 0
  for (const record of records) bytes += recordBytes(record)
  return bytes
}

function waitMs(options: DriveOptions): number {
  return options.pending() ? busyWaitMs : options.idleWaitMs
}

function endOf(poll: Poll, next: number): number {
  const last = poll.records.at(-1)
  return last === undefined ? next : last.offset + 1
}

function tickOf(poll: Poll, options: DriveOptions): number | null {
  if (poll.caughtUpAt === null) return null
  const low = options.lowWatermark()
  const proved = poll.caughtUpAt - options.lagAllowanceMs
  return low === null ? proved : Math.min(proved, low)
}

/**
 * Gathers batches into commits.
 *
 * Owns the open commit of one partition: who was touched, what was rejected, which timers are
 * served. Does not own delivery.
 *
 * G1 A commit closes at a batch border, never within one, and reads the state there and then.
 * G2 One commit is under way at a time (at least once: until it was sent): while it is, the next one fills. When caught up, a commit
 *    closes as soon as the last has ended; otherwise by age, records or bytes.
 * G3 asOf never goes back, and never below the log clock.
 * G4 At most `timersMax` timers a commit and, while the source is behind, no more than it has event
 *    keys; oldest first. A customer touched by an event is not served again by his timer.
 */
import { Observable, type OperatorFunction } from 'rxjs'
import type { ModelName } from '../events/output-rows.js'
import { FeatureRows } from '../features/rows.js'
import type { Entry } from '../state/entry.js'
import type { StateBorder } from '../state/logged-changes.js'
import type { Batch, Commit, Item } from './batch.js'
import { type GatherParts, readTouched, serveTimers } from './commit-rows.js'
import type { StateSum } from './position.js'
import type { Progress } from './progress.js'

export interface GatherOptions {
  /** Of the commit that is open. */
  recordsMax(): number
  /** Of the records of a commit, and of the rows that they touch; a batch may pass it. */
  readonly bytesMax: number
  readonly ageMsMax: number
  readonly timersMax: number
  /** In ms, for the age of a commit. */
  readonly wallClock: () => number
  /** Process that commits; a commit's id is `incarnation/partition/number`. */
  readonly incarnation: string
  readonly partition: number
  readonly partitions: number
  readonly appHash: string
  readonly logId: string
  /** What a row and its score take, in bytes, as of late; 0 where nothing is known. */
  rowBytes(): number
  /** The model in force for the commit that closes now. */
  model(): ModelName
  /** What the commit is scored with, see `Position`. */
  runtime(): string | null
  /** Closes what changed of the state; null where the log does not keep it. */
  border(): StateBorder | null
  /** Whether a commit is under way that the next one has to wait for. */
  busy(): boolean
  /** Called when a commit closes, before any later batch touches the state. */
  closed(commit: Position): void
}

type Position = Commit<unknown>['position']

/** What has come since the last commit closed. */
class Open<S> {
  records = 0
  bytes = 0
  /** A tick moved asOf: worth a commit even without a record. */
  ticked = false
  openedMs: number | null = null
  private readonly touched: Entry<S>[] = []
  readonly erased = new Set<string>()
  readonly rejected: Item<S>[] = []
  readonly late: Item<S>[] = []

  add(batch: Batch<S>, nowMs: number): void {
    this.records += batch.records.length
    this.bytes += batch.bytes
    if (batch.records.length > 0) this.openedMs ??= nowMs
    for (const item of batch.items) {
      switch (item.outcome) {
        case 'accepted':
          this.touch(item.entry!)
          break
        case 'late':
          this.late.push(item)
          break
        case 'rejected':
          this.rejected.push(item)
          break
        case 'erasure':
          item.entry!.touched = false
          this.erased.add(item.customer)
          break
        case 'duplicate':
        case 'pending':
        case 'valid':
      }
    }
  }

  /** No fewer than `takeTouched` will give. */
  get touchedMost(): number {
    return this.touched.length
  }

  private touch(entry: Entry<S>): void {
    if (entry.touched) return
    entry.touched = true
    this.touched.push(entry)
    if (this.erased.size > 0) this.erased.delete(entry.customer)
  }

  /** The customers touched by events, each once, in the order of their first one. */
  takeTouched(): Entry<S>[] {
    // An erasure takes the mark away, and an event behind it lists the entry a second time.
    const taken: Entry<S>[] = []
    for (const entry of this.touched) {
      if (!entry.touched) continue
      entry.touched = false
      taken.push(entry)
    }
    return taken
  }
}

export function gather<S>(
  parts: GatherParts<S>,
  options: GatherOptions,
): OperatorFunction<Batch<S>, Commit<S>> {
  return (batches) =>
    new Observable((subscriber) => {
      let open = new Open<S>()
      const close = (batch: { readonly atEnd: boolean }): void => {
        const commit = closeCommit(open, batch.atEnd, parts, options)
        open = new Open<S>()
        options.closed(commit.position)
        subscriber.next(commit)
      }
      let last: Batch<S> | null = null
      return batches.subscribe({
        next: (batch) => {
          // Now, and not when it was read: whole commits may have been read ahead.
          const nowMs = options.wallClock()
          open.add(batch, nowMs)
          last = batch
          if (moveAsOf(parts.progress, batch.tick)) open.ticked = true
          if (!options.busy() && isDue(open, batch, nowMs, parts, options)) close(batch)
        },
        error: (error) => subscriber.error(error),
        complete: () => {
          if (last !== null && open.records > 0) close(last)
          subscriber.complete()
        },
      })
    })
}

/** Keeps G3; true where the tick moved asOf, which is worth a commit of its own. */
function moveAsOf(progress: Progress, tick: number | null): boolean {
  if (progress.logClock > progress.asOf) progress.asOf = progress.logClock
  if (tick === null || tick <= progress.asOf) return false
  progress.asOf = tick
  return true
}

function isDue<S>(
  open: Open<S>,
  batch: Batch<S>,
  nowMs: number,
  parts: GatherParts<S>,
  options: GatherOptions,
): boolean {
  if (open.records === 0) {
    return (
      open.ticked ||
      (batch.atEnd &&
        parts.timers.peek(parts.progress.asOf, Math.min(1, options.timersMax)).length > 0)
    )
  }
  if (batch.atEnd || open.records >= options.recordsMax()) return true
  const bytes = Math.max(open.bytes, open.touchedMost * options.rowBytes())
  if (bytes >= options.bytesMax) return true
  return nowMs - (open.openedMs ?? nowMs) >= options.ageMsMax
}

function closeCommit<S>(
  open: Open<S>,
  atEnd: boolean,
  parts: GatherParts<S>,
  options: GatherOptions,
): Commit<S> {
  const { program, timers, progress } = parts
  const asOf = progress.asOf
  const touched = open.takeTouched()
  const rows = new FeatureRows(program.columns, touched.length + 16)
  for (const customer of open.erased) timers.arm(customer, Infinity)
  for (const { customer, state } of touched) readTouched(customer, state, asOf, rows, parts)
  const max = atEnd ? timersMax(options) : Math.min(timersMax(options), touched.length)
  const cursor = serveTimers(max, rows, parts)
  progress.cursor = cursor
  parts.overlay.forgetPassing()
  progress.commit++
  const border = options.border()
  return {
    position: {
      commit: progress.commit,
      commitId: `${options.incarnation}/${options.partition}/${progress.commit}`,
      endOffset: progress.endOffset,
      origin: progress.origin,
      logClock: progress.logClock,
      logTime: progress.logTime,
      asOf,
      timers: cursor,
      model: options.model(),
      runtime: options.runtime(),
      appHash: options.appHash,
      ...(progress.generation === null ? {} : { generation: progress.generation }),
      partitions: options.partitions,
      logId: options.logId,
      counts: progress.countsNow(),
      ...(border === null ? {} : { state: sumOf(border) }),
    },
    records: open.records,
    bytes: open.bytes,
    rows,
    rejected: open.rejected,
    late: open.late,
    border,
    erased: [...open.erased],
    atEnd,
  }
}

function sumOf({ digest, customers }: StateBorder): StateSum {
  return { digest, customers }
}

/** Timers of one commit, whose rows have a bound in bytes too (G4). */
function timersMax(options: GatherOptions): number {
  return Math.min(options.timersMax, Math.ceil(options.bytesMax / options.rowBytes()))
}

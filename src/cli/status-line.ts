/** The line that `start` shows while it runs: restoring with time left, then rates, lag and time. */
import type { EngineStatus, StatusSource } from '../topology/status.js'
import type { CliIo } from './io.js'
import { Progress, progressText, RateMeter, rateText } from './progress.js'

const LOOK_MS = 1_000

/** Looks at the engine once a second until it is stopped. */
export function createStatusLine(io: CliIo, engine: StatusSource): { stop(): void } {
  const progress = new Progress(io, 'start', 'records')
  const text = statusText(io.now())
  const timer = setInterval(() => {
    const line = text(engine.status(), io.now())
    progress.note(() => line)
  }, LOOK_MS)
  return {
    stop: () => {
      clearInterval(timer)
      progress.clear()
    },
  }
}

/** Texts of one run: rates come from the counters of two looks. */
export function statusText(startedAt: number): (status: EngineStatus, now: number) => string {
  let meters: Record<'restored' | 'records' | 'byEvent' | 'byTime', RateMeter> | null = null
  return (status, now) => {
    const sum = (read: (task: EngineStatus['partitions'][number]) => number) =>
      status.partitions.reduce((total, task) => total + read(task), 0)
    const restored = sum((task) => task.restoring?.done ?? 0)
    const toRestore = sum((task) => task.restoring?.total ?? 0)
    const records = sum((task) => task.endOffset)
    const byEvent = sum((task) => task.scoresByEvent)
    const byTime = sum((task) => task.scoresByTime)
    // The first look only sets the marks: counters begin with the log, not with this process.
    meters ??= {
      restored: new RateMeter(startedAt, restored),
      records: new RateMeter(startedAt, records),
      byEvent: new RateMeter(startedAt, byEvent),
      byTime: new RateMeter(startedAt, byTime),
    }
    const restoreRate = meters.restored.add(now, restored)
    const recordRate = rateText(meters.records.add(now, records))
    const eventRate = rateText(meters.byEvent.add(now, byEvent))
    const timeRate = rateText(meters.byTime.add(now, byTime))
    if (toRestore > 0) return progressText('restore', 'records', restored, toRestore, restoreRate)

    const lag = sum((task) => Math.max(0, task.logEndOffset - task.endOffset))
    const asOf = Math.min(...status.partitions.map((task) => task.asOf ?? Infinity))
    const instant = Number.isFinite(asOf) ? `as of ${isoMinute(asOf)}` : withoutCommit(status)
    const parts = [
      status.state,
      `${recordRate} events/s`,
      `scores/s ${eventRate} by event, ${timeRate} by time`,
      `lag ${lag}`,
      instant,
    ]
    return parts.join('  ')
  }
}

/** Before its state is open, a partition does not know what it has committed before. */
function withoutCommit({ state }: EngineStatus): string {
  return state === 'starting' || state === 'restoring' ? 'opening the state' : 'no commit yet'
}

/** @example isoMinute(0) // '1970-01-01 00:00Z' */
function isoMinute(instant: number): string {
  return `${new Date(instant).toISOString().slice(0, 16).replace('T', ' ')}Z`
}

/** The line that `start` shows while it runs: restoring with time left, then rates, lag and time. */
import type { EngineStatus, PartitionStatus, StatusSource } from '../topology/status.js'
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
  const made = new Made()
  const meter = () => new RateMeter(startedAt, 0)
  const meters = { restored: meter(), records: meter(), byEvent: meter(), byTime: meter() }
  return (status, now) => {
    const sum = (read: (task: PartitionStatus) => number) =>
      status.partitions.reduce((total, task) => total + read(task), 0)
    const restored = sum((task) => task.restoring?.done ?? 0)
    const toRestore = sum((task) => task.restoring?.total ?? 0)
    made.look(status.partitions)
    const restoreRate = meters.restored.add(now, restored)
    const recordRate = rateText(meters.records.add(now, made.records))
    const eventRate = rateText(meters.byEvent.add(now, made.byEvent))
    const timeRate = rateText(meters.byTime.add(now, made.byTime))
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

type Counted = Pick<PartitionStatus, 'endOffset' | 'scoresByEvent' | 'scoresByTime'>

/** What this process has done so far, whatever partitions came and went. */
class Made {
  records = 0
  byEvent = 0
  byTime = 0
  private readonly last = new Map<number, Counted>()
  private hasLooked = false

  look(partitions: readonly PartitionStatus[]): void {
    for (const status of partitions) {
      const { partition, endOffset, scoresByEvent, scoresByTime } = status
      // The first look only sets the marks: whoever looks did not see what came before.
      const last = this.hasLooked ? this.last.get(partition) : status
      // What was in the log before is no work of ours; nor is an end that is not known yet.
      const from = last?.endOffset || endOffset
      this.records += Math.max(0, endOffset - from)
      this.byEvent += more(last?.scoresByEvent ?? 0, scoresByEvent)
      this.byTime += more(last?.scoresByTime ?? 0, scoresByTime)
      const known = Math.max(endOffset, last?.endOffset ?? 0)
      this.last.set(partition, { endOffset: known, scoresByEvent, scoresByTime })
    }
    this.hasLooked = true
  }
}

/** A counter that is lower than before has begun anew. */
const more = (last: number, now: number): number => (now < last ? now : now - last)

/** Before its state is open, a partition does not know what it has committed before. */
function withoutCommit({ state }: EngineStatus): string {
  return state === 'starting' || state === 'restoring' ? 'opening the state' : 'no commit yet'
}

/** @example isoMinute(0) // '1970-01-01 00:00Z' */
function isoMinute(instant: number): string {
  return `${new Date(instant).toISOString().slice(0, 16).replace('T', ' ')}Z`
}

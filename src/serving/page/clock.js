/** The card of time: which instant it is, how far the engine is, and what it restores. */
import { byId, setText, sum } from './dom.js'
import { count, instant, shortInstant, span } from './format.js'

let restoredFrom = null

/** The oldest partition speaks for all: a figure that is true for each of them. */
export function showClock(status) {
  const { partitions, now, timeBase } = status
  const asOf = least(partitions.map((task) => task.asOf))
  const clock = least(partitions.map((task) => task.logClock))
  const shown = now ?? asOf
  setText('now', shown === null ? '–' : instant(shown))
  if (shown !== null) byId('now').dateTime = new Date(shown).toISOString()
  setText('base', baseText(timeBase))
  const behind = now === null || asOf === null ? null : (now - asOf) / 1000
  const age = behind === null ? '' : `, ${span(Math.max(0, behind))} behind`
  setText('as-of', asOf === null ? '–' : `${shortInstant(asOf)}${age}`)
  setText('log-clock', clock === null ? '–' : shortInstant(clock))
  setText('lag', lagText(partitions))
  const overdue = Math.max(0, ...partitions.map((task) => task.timersOverdueSeconds))
  const waiting = count(sum(partitions.map((task) => task.timersWaiting)))
  const late = overdue > 0 ? `, oldest due for ${span(overdue)}` : ', none due'
  setText('timers', `${waiting} waiting${late}`)
  const slowest = Math.max(0, ...partitions.map((task) => task.lastCommitMs ?? 0))
  const commits = sum(partitions.map((task) => task.commit))
  setText('commits', `${count(commits)}, the last in ${count(slowest)} ms`)
  showRestore(partitions)
}

function least(values) {
  return values.some((value) => value === null) ? null : Math.min(...values)
}

function lagText(partitions) {
  const lag = sum(partitions.map((task) => Math.max(0, task.logEndOffset - task.endOffset)))
  const caughtUp = partitions.every((task) => task.caughtUp)
  if (caughtUp && lag === 0) return 'caught up'
  return `${count(lag)} records behind${lag === 0 ? ', not yet proved' : ''}`
}

function baseText(timeBase) {
  if (timeBase.kind === 'none') return 'UTC, historic log: time stands where the log ends'
  if (timeBase.kind === 'wall') return 'UTC, the wall clock'
  const day = span(86_400 / timeBase.speed)
  return `UTC, virtual: ${count(timeBase.speed)} × real time, a day in ${day}`
}

function showRestore(partitions) {
  const restoring = partitions.map((task) => task.restoring).filter((part) => part !== null)
  byId('restore').hidden = restoring.length === 0
  if (restoring.length === 0) {
    restoredFrom = null
    return
  }
  const done = sum(restoring.map((part) => part.done))
  const all = sum(restoring.map((part) => part.total))
  restoredFrom ??= { at: Date.now(), done }
  const speed = (done - restoredFrom.done) / Math.max(1, (Date.now() - restoredFrom.at) / 1000)
  const left = speed > 0 ? `, ${span((all - done) / speed)} left` : ''
  byId('restore-bar').value = all === 0 ? 1 : done / all
  setText('restore-text', `Restoring state: ${count(done)} of ${count(all)} records${left}`)
}
